// Talking to the server: acts (JSON), fragments (HTML), and the words that scripts show.

import { filled } from "../particle.js";

const source = document.getElementById("desk-words");
const WORDS = source ? JSON.parse(source.textContent) : {};
const csrf = () => document.querySelector("meta[name=csrf]")?.content ?? "";

/** A word of the catalogue with its {values}. */
export function word(key, values = {}) {
  return filled(WORDS[key] ?? key, values);
}

/** What the server refused: `code`, `text` in the reader's language, `fields` of a form. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.text ?? word("error.internal"));
    this.status = status;
    this.code = body.code ?? "internal";
    this.reason = body.reason ?? "";
    this.values = body.values ?? {};
    this.fields = body.fields ?? {};
  }
}

async function answer(response) {
  if (response.status === 401) {
    location.assign(`/desk/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    await new Promise(() => {});
  }
  const json = (response.headers.get("content-type") ?? "").includes("json");
  if (!response.ok) throw new Refused(response.status, json ? await response.json() : {});
  return json ? response.json() : response.text();
}

async function reach(url, options) {
  try {
    return await fetch(url, { credentials: "same-origin", ...options });
  } catch {
    throw new Refused(0, { code: "offline", text: word("error.offline") });
  }
}

/** Do one act by name; answers `{said, undo, ...}`. */
export const act = (name, args = {}) => post(`acts/${name}`, args);

/** Send JSON below /desk/api/. */
export async function post(path, args = {}) {
  return answer(
    await reach(`/desk/api/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-csrf-token": csrf() },
      body: JSON.stringify(args),
    }),
  );
}

/** Read JSON below /desk/api/. */
export async function read(path) {
  return answer(await reach(`/desk/api/${path}`, {}));
}

/** Send one file; answers `{token, name, type, size, url}`. */
export async function upload(file, fields = {}) {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  form.append("file", file);
  const options = { method: "POST", headers: { "x-csrf-token": csrf() }, body: form };
  return answer(await reach("/desk/api/files", options));
}

/** Fetch a part of a page as an element; null when it is empty. */
export async function fragment(url, name, method = "GET") {
  const headers = { "x-fragment": name, ...(method === "GET" ? {} : { "x-csrf-token": csrf() }) };
  const html = await answer(await reach(url, { method, headers }));
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}
