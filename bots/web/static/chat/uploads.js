// Sending a file: upload it, then say so on the socket. A failed one stays and can be sent again.
import { config, t } from "./words.js";

export async function upload(file, session) {
  const form = new FormData();
  form.append("file", file, file.name);
  let answer;
  try {
    answer = await fetch(config.upload, { method: "POST", body: form, headers: { "X-Dangol-Session": session } });
  } catch {
    throw new Error(t("chat.upload.failed"));
  }
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.text ?? t("chat.upload.failed"));
}
