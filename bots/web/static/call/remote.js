// Remote control: what staff do on the picture of the desktop agent's screen, told to it by the data channels.
// Places are fractions of that screen. Composed text (Hangul) goes as text, other keys as keys. What is held is
// let go when this page loses the focus, and the agent lets go by itself when nothing is heard for some seconds.
import { announce, toast } from "../chat/ui.js";
import { t } from "../chat/words.js";
import { Wheel } from "./wheel.js";

const BUTTONS = ["left", "middle", "right"];
const MOVE_MS = 16;
const STILL_MS = 2000; // how often the agent hears that something is still held
const UNKNOWN = new Set(["Dead", "Process", "Unidentified", "Compose"]);
// Keys of which some systems tell only the release, or neither by name.
const LANGUAGE = { Lang1: "HangulMode", Lang2: "HanjaMode" };
const RELEASE_ONLY = new Set(["PrintScreen", "HangulMode", "HanjaMode"]);

// The name that the agent knows; "" for what is no key of its own. With Ctrl or Alt a Hangul letter means the key
// that it stands on.
export function keyOf(event) {
  if (LANGUAGE[event.code]) return LANGUAGE[event.code];
  if (UNKNOWN.has(event.key)) return "";
  const chord = event.ctrlKey || event.metaKey || event.altKey;
  if (event.key.length === 1 && event.key > "\x7f" && chord) return /^(?:Key|Digit)(.)$/.exec(event.code)?.[1].toLowerCase() ?? "";
  return event.key;
}

export class Remote {
  // `changed(on)`: whether what staff do on the picture reaches the PC.
  constructor(session, stage, typed, changed) {
    Object.assign(this, { session, stage, typed, changed });
    this.agent = ""; // the participant that we may control
    this.number = 0;
    this.was = false;
    this.pointing = false; // the mouse draws instead
    this.held = new Map(); // what is down: name -> the frame that lets it go
    this.turned = new Wheel();
    stage.arranged = () => this.show();
    session.addEventListener("joined", ({ detail }) => this.met(detail.participant));
    session.addEventListener("welcome", ({ detail }) => this.welcomed(detail));
    session.addEventListener("control", ({ detail }) => this.decided(detail));
    session.addEventListener("left", ({ detail }) => detail.participant === this.agent && this.end());
    session.addEventListener("input", ({ detail }) => this.answered(detail.data));
    this.hearMouse(stage.main.parentElement);
    this.hearKeys(typed);
    addEventListener("blur", () => this.letGo());
    addEventListener("pagehide", () => this.letGo());
    document.addEventListener("visibilitychange", () => document.hidden && this.letGo());
  }

  hearMouse(area) {
    area.addEventListener("pointermove", (event) => this.move(event), true);
    area.addEventListener("pointerdown", (event) => this.press(event, "down"), true);
    // A button that was pressed on the picture is let go wherever the mouse is by then.
    addEventListener("pointerup", (event) => this.press(event, "up"), true);
    addEventListener("pointercancel", () => this.letGo(), true);
    area.addEventListener("wheel", (event) => this.wheel(event), { capture: true, passive: false });
    // Else the press would take the focus from the field that hears the keyboard.
    area.addEventListener("mousedown", (event) => this.place(event) && event.preventDefault(), true);
    area.addEventListener("contextmenu", (event) => this.active && event.preventDefault());
  }

  hearKeys(typed) {
    typed.addEventListener("blur", () => {
      this.letGo();
      setTimeout(() => this.active && document.activeElement === document.body && this.listen());
    });
    typed.addEventListener("keydown", (event) => this.key(event, true));
    typed.addEventListener("keyup", (event) => this.key(event, false));
    typed.addEventListener("compositionend", ({ data }) => this.text(data));
    typed.addEventListener("input", (event) => {
      if (event.inputType === "insertText" && !event.isComposing) this.text(event.data);
      // Enter that ended a Hangul syllable has no keydown of its own.
      if (event.inputType === "insertLineBreak" && !event.isComposing) this.text("\n");
      if (!event.isComposing) typed.value = "";
    });
  }

  // -- rights

  welcomed({ peers, control = [] }) {
    const was = this.agent;
    const granted = control.find((one) => one.state === "granted" && one.scope === "control" && one.by === this.session.you.id);
    this.agent = granted?.whom ?? "";
    if (was !== this.agent) announce(t(this.agent ? "call.desk.control_on" : "call.desk.control_off"));
    this.show();
    for (const peer of peers) if (!control.some((one) => one.whom === peer.id)) this.met(peer);
  }

  // The desktop agent, when it is here.
  get present() {
    return [...this.session.peers.values()].find((peer) => peer.role === "agent");
  }

  // The agent came: ask to see, then to control. Its owner answers each.
  met(peer) {
    if (peer.role !== "agent") return;
    for (const scope of ["view", "control"]) this.session.send({ type: "control", whom: peer.id, state: "ask", scope });
  }

  decided({ by, whom, state, scope }) {
    if (by !== this.session.you?.id) return; // a colleague's
    if (state === "refused") toast(t(`call.desk.${scope}_refused`));
    if (scope !== "control") return;
    if (state === "granted") {
      this.agent = whom;
      announce(t("call.desk.control_on"));
      this.show();
    } else if (whom === this.agent && state !== "requested") this.end();
  }

  end() {
    if (!this.agent) return;
    this.agent = "";
    this.held.clear();
    announce(t("call.desk.control_off"));
    this.show();
  }

  // Their screen came or went, or they decided.
  show() {
    if (this.active === this.was) return;
    this.was = this.active;
    this.stage.main.parentElement.classList.toggle("is-controlled", this.active);
    this.typed.tabIndex = this.active ? 0 : -1;
    if (this.active) this.listen();
    this.changed(this.active);
  }

  listen() {
    this.typed.focus({ preventScroll: true });
  }

  get active() {
    return Boolean(this.agent) && this.stage.large?.participant === this.agent;
  }

  stop() {
    this.letGo();
    if (this.agent) this.session.send({ type: "control", whom: this.agent, state: "revoke", scope: "control" });
    this.end();
  }

  // Draw on their screen instead of pressing there, or press again.
  point(on) {
    this.letGo();
    this.pointing = on;
    if (!on && this.active) this.listen();
  }

  // -- telling

  tell(message, channel = "control") {
    this.number += 1;
    this.session.control(JSON.stringify({ ...message, n: this.number }), channel);
  }

  answered(data) {
    const said = typeof data === "string" ? JSON.parse(data) : {};
    if (said.t === "refused" && said.why === "panel") toast(t("call.desk.control_panel"));
  }

  hold(name, down, up) {
    if (down) this.held.set(name, up);
    else this.held.delete(name);
    clearInterval(this.telling);
    if (this.held.size) this.telling = setInterval(() => this.tell({ t: "still" }), STILL_MS);
  }

  letGo() {
    for (const [name, up] of [...this.held]) {
      this.hold(name, false);
      if (this.agent) this.tell(up);
    }
  }

  // -- the mouse

  place(event) {
    if (!this.active || this.pointing || event.target.closest?.("button, a, .tile")) return null;
    const found = this.stage.marks.place(event);
    if (found) event.stopPropagation();
    return found;
  }

  move(event) {
    const found = this.place(event);
    if (!found || performance.now() - (this.moved ?? 0) < MOVE_MS) return;
    this.moved = performance.now();
    this.last = found;
    // While a button is down the way counts, and none of it may be lost or come late.
    this.tell({ t: "move", x: found[0], y: found[1] }, event.buttons ? "control" : "moves");
  }

  press(event, kind) {
    const button = BUTTONS[event.button] ?? "left";
    const name = `button ${button}`;
    if (kind === "up" && !this.held.has(name)) return;
    const found = this.place(event) ?? (kind === "up" ? this.last : null);
    if (!found) return;
    event.preventDefault();
    this.listen();
    this.last = found;
    const said = { b: button, x: found[0], y: found[1] };
    this.hold(name, kind === "down", { t: "up", ...said });
    this.tell({ t: kind, ...said });
  }

  wheel(event) {
    const found = this.place(event);
    if (!found) return;
    event.preventDefault();
    const [dx, dy] = this.turned.notches(event, performance.now());
    if (dx || dy) this.tell({ t: "wheel", dx, dy, x: found[0], y: found[1] });
  }

  // -- the keyboard

  key(event, down) {
    if (!this.active || event.isComposing) return;
    const k = keyOf(event);
    const name = `key ${event.code || k}`;
    const chord = event.ctrlKey || event.metaKey || event.altKey;
    const printed = k.length === 1 && (!chord || event.getModifierState("AltGraph"));
    if (!k || (printed && !this.held.has(name))) return; // comes as text, or as nothing
    event.preventDefault();
    event.stopPropagation();
    if (down) {
      if (this.held.has(name)) return; // a held key repeats on their machine
      this.hold(name, true, { t: "key", k, down: false });
      this.tell({ t: "key", k, down: true });
    } else if (this.held.has(name)) {
      const up = this.held.get(name);
      this.hold(name, false);
      this.tell(up);
    } else if (RELEASE_ONLY.has(k)) {
      for (const pressed of [true, false]) this.tell({ t: "key", k, down: pressed });
    }
  }

  text(said) {
    this.typed.value = "";
    if (this.active && said) this.tell({ t: "text", s: said });
  }
}
