// The desk's acts on this call. What fails says why, in the server's words.
import { toast } from "../chat/ui.js";
import { config, t } from "../chat/words.js";

export async function act(name, args = {}) {
  const answer = await fetch(`/desk/api/acts/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": config.csrf },
    body: JSON.stringify({ live: config.live, ...args }),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.text ?? t("call.fault.other"));
  if (said.said) toast(said.said);
  return said;
}
export const tried = (work) => work.catch((error) => toast(error.message));
