// The chat beside a call: the conversation's own lines, and files that are dropped into it.
import { announce, byId, el, icon, linked, newId, toast } from "../chat/ui.js";
import { clock, config, t } from "../chat/words.js";

export class Chat {
  constructor(room, { onNews = () => {} } = {}) {
    Object.assign(this, { room, onNews });
    this.log = byId("chat-log");
    this.form = byId("chat-form");
    this.text = byId("chat-text");
    this.pending = new Map();
    room.addEventListener("message", ({ detail }) => this.show(detail));
    room.addEventListener("error", ({ detail }) => detail.id && this.failed(detail));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.say();
    });
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.say();
      }
    });
    byId("chat-file")?.addEventListener("change", ({ target }) => {
      for (const file of target.files) this.sendFile(file);
      target.value = "";
    });
    this.text.addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (!files.length) return;
      event.preventDefault();
      for (const file of files) this.sendFile(file);
    });
    this.dropped();
  }

  // Files that are dropped anywhere on the page go into the chat.
  dropped() {
    const page = byId("call");
    const over = (event, on) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      page.classList.toggle("is-dropping", on);
    };
    document.addEventListener("dragover", (event) => over(event, true));
    document.addEventListener("dragleave", (event) => event.relatedTarget || over(event, false));
    document.addEventListener("drop", (event) => {
      over(event, false);
      for (const file of event.dataTransfer?.files ?? []) this.sendFile(file);
    });
  }

  say() {
    const text = this.text.value.trim();
    if (!text) return;
    this.text.value = "";
    const id = newId();
    this.wait(id, text);
    this.room.say(id, text);
  }

  // Our own line while it is on its way.
  wait(id, text) {
    const row = el("li", { class: "line line--mine is-waiting", "data-id": id }, el("p", { class: "line-text" }, text));
    this.pending.set(id, row);
    this.log.append(row);
    this.bottom();
  }

  failed({ id, text }) {
    this.pending.get(id)?.classList.add("is-failed");
    toast(text || t("call.chat.failed"));
  }

  show(said) {
    const waited = this.pending.get(said.id);
    if (waited) {
      waited.remove();
      this.pending.delete(said.id);
    } else if (said.mine) {
      const [first] = [...this.pending].find(([, row]) => row.textContent === said.text) ?? [];
      this.pending.get(first)?.remove();
      this.pending.delete(first);
    }
    const row = el("li", { class: `line${said.mine ? " line--mine" : ""}`, "data-seq": said.seq });
    if (!said.mine && said.name) row.append(el("b", { class: "line-name" }, said.name));
    if (said.text) row.append(el("p", { class: "line-text" }, ...linked(said.text)));
    for (const file of said.files) row.append(this.file(file));
    row.append(el("time", { datetime: said.at }, clock(new Date(said.at), true)));
    this.log.append(row);
    this.bottom();
    if (!said.mine) {
      if (!this.log.offsetParent) announce(`${said.name}: ${said.text}`); // the log tells of it where it is open
      this.onNews(said);
    }
  }

  file(file) {
    if (file.type.startsWith("image/")) {
      return el("a", { href: file.url, target: "_blank", rel: "noopener" }, el("img", { src: file.url, alt: file.name, class: "line-photo", loading: "lazy" }));
    }
    return el("a", { href: file.url, class: "line-file", target: "_blank", rel: "noopener" }, icon("file"), file.name);
  }

  note(text) {
    this.log.append(el("li", { class: "line-note" }, icon("camera"), text));
    this.bottom();
  }

  bottom() {
    const scroller = this.log.parentElement;
    scroller.scrollTop = scroller.scrollHeight;
  }

  async sendFile(file, path = "upload") {
    if (file.size > config.maxBytes) {
      toast(t("call.chat.too_large", { mb: config.maxMb }));
      return null;
    }
    try {
      const kept = await sendFile(file, path);
      if (kept.upload) this.room.say(newId(), "", [kept.upload]);
      return kept;
    } catch (error) {
      toast(error.message || t("call.chat.failed"));
      return null;
    }
  }
}

// Put one file below the link's address; answers what the server kept.
export async function sendFile(file, path) {
  const form = new FormData();
  form.append("file", file, file.name ?? "photo.jpg");
  const answer = await fetch(`${config.base}/${path}`, { method: "POST", body: form });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.text ?? t("call.chat.failed"));
  return said;
}

export async function post(path, body = {}) {
  const answer = await fetch(`${config.base}/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.text ?? t("call.fault.other")), { code: said.code });
  return said;
}
