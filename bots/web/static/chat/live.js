// The button that asks for a video call: it opens the call page, or says from when it is possible.
import { byId, toast } from "./ui.js";
import { config, t } from "./words.js";

export function setUpLive(connection) {
  const button = byId("live-open");
  button.addEventListener("click", async () => {
    const tab = config.embedded ? window.open("about:blank", "_blank") : null; // within the tap, or it is blocked
    button.setAttribute("aria-busy", "true");
    const said = await fetch("/channels/web/live", { method: "POST", headers: { "X-Dangol-Session": connection.session ?? "" } })
      .then((answer) => answer.json())
      .catch(() => ({}));
    button.removeAttribute("aria-busy");
    if (!said.path) {
      tab?.close();
      toast(said.text ?? t("chat.live.failed"));
      return;
    }
    if (tab) {
      tab.opener = null;
      tab.location = said.path;
    } else location.assign(said.path);
  });
}
