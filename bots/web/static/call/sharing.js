// Copied text and files between staff and the controlled PC. Each goes only when the customer agrees on the
// agent's panel; what they said is shown here.
import { byId, toast } from "../chat/ui.js";
import { config, t } from "../chat/words.js";
import { sendFile } from "./chat.js";

const TEXT_MOST = 15_000; // characters: media/assist/acts.py, CLIPBOARD_MAX

export class Sharing {
  constructor(session, remote) {
    Object.assign(this, { session, remote });
    this.clipboard = false; // whether the customer agreed
    this.next = null; // what waits for their answer
    session.addEventListener("input", ({ detail }) => this.hear(detail.data));
    byId("clip-send").onclick = () => this.send();
    byId("clip-get").onclick = () => this.agreed(() => remote.tell({ t: "getclip" }));
    byId("control-file").onchange = ({ target }) => {
      for (const file of [...target.files]) this.offer(file);
      target.value = "";
    };
    byId("pointing").onclick = () => this.point(!remote.pointing);
    const area = byId("stage");
    area.addEventListener("dragover", (event) => remote.active && event.preventDefault());
    area.addEventListener("drop", (event) => {
      if (!remote.active) return;
      event.preventDefault();
      for (const file of event.dataTransfer.files) this.offer(file);
    });
  }

  show(on) {
    byId("control-bar").hidden = !on;
    if (on) return;
    this.clipboard = false;
    this.next = null;
    this.point(false);
    this.note("");
  }

  point(on) {
    this.remote.point(on);
    byId("pointing").setAttribute("aria-pressed", String(on));
  }

  note(text) {
    byId("control-note").textContent = text;
  }

  // Do it now, or when the customer agreed to share what is copied.
  agreed(act) {
    if (this.clipboard) return act();
    this.next = act;
    this.note(t("call.desk.clip_asked"));
    return this.remote.tell({ t: "ask", what: "clipboard" });
  }

  async send() {
    const text = await navigator.clipboard.readText().catch(() => null);
    if (text === null) this.note(t("call.desk.clip_blocked"));
    else if (!text) this.note(t("call.desk.clip_mine_empty"));
    else if ([...text].length > TEXT_MOST) this.note(t("call.desk.clip_too_long", { n: TEXT_MOST }));
    else this.agreed(() => this.remote.tell({ t: "clip", s: clean(text) }));
  }

  async offer(file) {
    if (file.size > config.maxBytes) {
      this.note(t("call.chat.too_large", { mb: config.maxMb }));
      return;
    }
    try {
      const kept = await sendFile(file, "offer");
      this.note(t("call.desk.file_asked", { name: kept.name }));
      this.remote.tell({ t: "ask", what: "file", ...kept });
    } catch (error) {
      this.note(error.message);
    }
  }

  hear(data) {
    const said = typeof data === "string" ? JSON.parse(data) : {};
    if (said.t === "state") this.clipboard = said.clipboard;
    else if (said.t === "answer") this.answered(said);
    else if (said.t === "copied") this.note(t("call.desk.clip_sent", { n: said.length }));
    else if (said.t === "clip") this.got(said);
    else if (said.t === "file") this.note(t(said.saved ? "call.desk.file_saved" : "call.desk.file_failed", said));
  }

  answered({ what, granted, why }) {
    if (what === "clipboard") {
      const next = this.next;
      this.next = null;
      this.clipboard = granted;
      if (granted) {
        this.note("");
        next?.();
        return;
      }
    } else if (granted) return; // the file is on its way
    const words = { busy: "ask_busy", enough: "ask_enough" }[why] ?? (what === "file" ? "file_refused" : "clip_refused");
    this.note(t(`call.desk.${words}`));
    toast(t(`call.desk.${words}`));
  }

  // What they copied: onto our clipboard, and where the browser does not let us, to be copied by hand.
  async got({ s, length }) {
    if (!s) {
      this.note(t("call.desk.clip_empty"));
      return;
    }
    const kept = [...s].length;
    const told = t(kept < length ? "call.desk.clip_got_part" : "call.desk.clip_got", { n: kept, all: length });
    try {
      await navigator.clipboard.writeText(s);
      this.note(told);
    } catch {
      byId("clip-text").value = s;
      byId("clip").showModal();
      byId("clip-text").select();
    }
  }
}

// What the agent takes: tabs and line ends, no other sign of control.
const clean = (text) => text.replace(/\r\n?/g, "\n").replace(/[\0-\x08\x0b-\x1f\x7f]/g, "");
