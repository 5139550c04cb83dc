// Asking a colleague or a guest into the call, and giving it to a colleague.
import { byId, toast } from "../chat/ui.js";
import { t } from "../chat/words.js";
import { act, tried } from "./acts.js";

let wanted = "live_invite";
function people(name) {
  wanted = name;
  byId("people-title").textContent = byId(name === "live_invite" ? "expert" : "transfer").textContent.trim();
  byId("guest-field").hidden = name !== "live_invite";
  byId("people").returnValue = "";
  byId("people").showModal();
}

/** `onDone` is told after each act whether it gave the call away. */
export function setUpColleagues(onDone) {
  byId("expert").onclick = () => people("live_invite");
  byId("transfer").onclick = () => people("live_transfer");
  byId("people").addEventListener("close", () => {
    const staff = Number(byId("people").returnValue);
    if (!staff) return;
    const given = wanted === "live_transfer";
    tried(
      act(wanted, { staff }).then(() => {
        onDone(given);
      }),
    );
  });
  byId("guest").onclick = async () => {
    const made = await tried(act("live_guest", { name: byId("guest-name").value }));
    if (!made?.path) return;
    byId("guest-link").textContent = `${location.origin}${made.path}`;
    byId("guest-link").hidden = false;
    navigator.clipboard?.writeText(byId("guest-link").textContent).then(() => toast(t("call.desk.copied")), () => {});
  };
}
