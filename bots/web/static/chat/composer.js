// The box to write in: drafts, Enter (never inside a syllable), photos with a description, drop and paste.
import * as store from "./store.js";
import { byId, el, icon, newId, toast } from "./ui.js";
import { config, size, t } from "./words.js";

const TYPING_EVERY_MS = 4000;

export class Composer {
  constructor({ send, sendFile, typing }) {
    this.send = send;
    this.sendFile = sendFile;
    this.typing = typing;
    this.text = byId("text");
    this.button = byId("send");
    this.attach = byId("attach");
    this.files = [];
    this.typedAt = 0;
    this.text.value ||= store.read("draft", ""); // what was typed before this ran stays
    this.listen();
    this.fit();
  }

  listen() {
    this.text.addEventListener("input", () => this.changed());
    this.text.addEventListener("keydown", (event) => {
      // keyCode 229: Safari ends a composition with a keydown that no longer says isComposing
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.submit();
    });
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    for (const [opener, input] of [["photo-open", "photo"], ["file-open", "file"]]) {
      byId(opener).addEventListener("click", () => byId(input).click());
      byId(input).addEventListener("change", (event) => {
        this.take([...event.target.files]);
        event.target.value = "";
      });
    }
    this.text.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) {
        event.preventDefault();
        this.take(files);
      }
    });
    this.listenToDrops(byId("page"));
  }

  listenToDrops(page) {
    let depth = 0;
    const over = (delta) => {
      depth = Math.max(0, depth + delta);
      page.classList.toggle("chat-drop", depth > 0);
    };
    page.dataset.drop = t("chat.attach.drop");
    page.addEventListener("dragenter", (event) => event.dataTransfer?.types.includes("Files") && over(1));
    page.addEventListener("dragleave", (event) => event.dataTransfer?.types.includes("Files") && over(-1));
    page.addEventListener("dragover", (event) => event.preventDefault());
    page.addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      over(0);
      this.take([...(event.dataTransfer?.files ?? [])]);
    });
  }

  changed() {
    store.write("draft", this.text.value);
    this.fit();
    if (this.text.value.trim() && Date.now() - this.typedAt > TYPING_EVERY_MS) {
      this.typedAt = Date.now();
      this.typing();
    }
  }

  fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(Math.max(this.text.scrollHeight + 2, 44), 132)}px`;
    this.text.style.overflowY = this.text.scrollHeight > 132 ? "auto" : "hidden";
    this.button.disabled = !this.text.value.trim() && !this.files.length;
  }

  submit() {
    const text = this.text.value.trim();
    if (text) {
      this.send(text);
      this.text.value = "";
      store.write("draft", "");
    }
    if (this.files.length) this.submitFiles(); // last: an upload takes its time, and arrives after the words anyway
    this.typedAt = 0;
    this.fit();
    this.text.focus({ preventScroll: true });
  }

  // -- files

  take(files) {
    for (const file of files) {
      if (file.size > config.maxBytes) toast(t("chat.upload.too_large", { max: config.maxMb }));
      else this.files.push({ id: newId(), file, url: URL.createObjectURL(file), description: "" });
    }
    this.show();
  }

  show() {
    this.attach.hidden = !this.files.length;
    if (!this.files.length) this.attach.replaceChildren();
    else this.attach.replaceChildren(this.preview());
    this.fit();
    this.attach.querySelector("input")?.focus();
  }

  preview() {
    const row = (item) => {
      const image = item.file.type.startsWith("image/");
      const input = el("input", {
        class: "input",
        id: `about-${item.id}`,
        maxlength: "300",
        placeholder: t("chat.attach.example"),
        oninput: (event) => (item.description = event.target.value),
        onkeydown: (event) => {
          if (event.key === "Enter" && !event.isComposing && event.keyCode !== 229) {
            event.preventDefault();
            this.submit();
          }
        },
      });
      input.value = item.description;
      const about = el(
        "div",
        { class: "field" },
        el("label", { for: `about-${item.id}` }, t("chat.attach.describe")),
        input,
        el("p", { class: "hint" }, `${item.file.name} · ${size(item.file.size)}`),
      );
      const away = el(
        "button",
        { type: "button", class: "icon-btn icon-btn--sm", "aria-label": t("chat.attach.remove"), onclick: () => this.remove(item) },
        icon("x", "icon--16"),
      );
      const picture = image ? el("img", { src: item.url, alt: "" }) : el("span", { class: "no-image" }, icon("file", "icon--24"));
      return el("li", {}, picture, about, away);
    };
    return el("ul", {}, ...this.files.map(row));
  }

  remove(item) {
    URL.revokeObjectURL(item.url);
    this.files = this.files.filter((other) => other !== item);
    this.show();
    this.text.focus();
  }

  submitFiles() {
    const files = this.files;
    this.files = [];
    this.show();
    for (const item of files) this.sendFile(item);
  }
}
