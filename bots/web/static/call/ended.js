// What the customer reads when the call is over: its facts, and how they rate it.
import { byId, el, toast } from "../chat/ui.js";
import { t } from "../chat/words.js";
import { post } from "./chat.js";

function fact(name, value) {
  return [el("dt", {}, name), el("dd", {}, value)];
}

/** Show the facts of the call, with who helped and the number of its request where there are any. */
export function tell(facts, { staff, number }) {
  const rows = [fact(t("call.ended.minutes"), t("call.ended.minutes_value", { n: facts.minutes }))];
  if (staff) rows.push(fact(t("call.ended.staff"), staff));
  if (number) rows.push(fact(t("call.ended.request"), number));
  for (const name of ["photos", "files"]) if (facts[name]) rows.push(fact(t(`call.ended.${name}`), t(`call.ended.${name}_value`, { n: facts[name] })));
  rows.push(fact(t("call.ended.recorded"), t(facts.recorded ? "call.ended.recorded_yes" : "call.ended.recorded_no")));
  byId("ended-facts").replaceChildren(...rows.flat());
  if (facts.rating) thanked(facts.rating);
}

function thanked(score) {
  for (const input of byId("rating").elements) if (input.type === "radio") input.checked = Number(input.value) === score;
  byId("ended-text").textContent = t("call.ended.thanks");
}

byId("rating").addEventListener("change", async ({ target }) => {
  try {
    await post("rate", { score: Number(target.value) });
    thanked(Number(target.value));
  } catch (error) {
    toast(error.message);
  }
});
