// Remote control: what staff do on the picture of the desktop agent's screen, told to it by the data channels.
// Places are fractions of that screen. Composed text (Hangul) goes as text, other keys as keys.
import { announce, toast } from "../chat/ui.js";
import { t } from "../chat/words.js";

const BUTTONS = ["left", "middle", "right"];
const MOVE_MS = 16;

export class Remote {
  // `changed(on)`: whether what staff do on the picture reaches the PC.
  constructor(session, stage, typed, changed) {
    Object.assign(this, { session, stage, typed, changed });
    this.agent = ""; // the participant that we may control
    this.number = 0;
    this.was = false;
    stage.arranged = () => this.show();
    session.addEventListener("joined", ({ detail }) => this.met(detail.participant));
    session.addEventListener("welcome", ({ detail }) => detail.peers.forEach((peer) => this.met(peer)));
    session.addEventListener("control", ({ detail }) => this.decided(detail));
    session.addEventListener("left", ({ detail }) => detail.participant === this.agent && this.end());
    const area = stage.main.parentElement;
    area.addEventListener("pointermove", (event) => this.move(event), true);
    area.addEventListener("pointerdown", (event) => this.press(event, "down"), true);
    area.addEventListener("pointerup", (event) => this.press(event, "up"), true);
    area.addEventListener("wheel", (event) => this.wheel(event), { capture: true, passive: false });
    // Else the press would take the focus from the field that hears the keyboard.
    area.addEventListener("mousedown", (event) => this.place(event) && event.preventDefault(), true);
    typed.addEventListener("blur", () => setTimeout(() => this.active && document.activeElement === document.body && this.listen()));
    area.addEventListener("contextmenu", (event) => this.active && event.preventDefault());
    typed.addEventListener("keydown", (event) => this.key(event, true));
    typed.addEventListener("keyup", (event) => this.key(event, false));
    typed.addEventListener("compositionend", ({ data }) => this.text(data));
    typed.addEventListener("input", (event) => {
      if (event.inputType === "insertText" && !event.isComposing) this.text(event.data);
      if (!event.isComposing) typed.value = "";
    });
  }

  // The agent came: ask to see, then to control. Its owner answers each.
  met(peer) {
    if (peer.role !== "agent") return;
    for (const scope of ["view", "control"]) this.session.send({ type: "control", whom: peer.id, state: "ask", scope });
  }

  decided({ whom, state, scope }) {
    if (state === "refused") toast(t(`call.desk.${scope}_refused`));
    if (scope !== "control") return;
    if (state === "granted") {
      this.agent = whom;
      announce(t("call.desk.control_on"));
      this.show();
    } else if (whom === this.agent) this.end();
  }

  end() {
    if (!this.agent) return;
    this.agent = "";
    announce(t("call.desk.control_off"));
    this.show();
  }

  // Their screen came or went, or they decided.
  show() {
    if (this.active === this.was) return;
    this.was = this.active;
    this.stage.main.parentElement.classList.toggle("is-controlled", this.active);
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
    if (this.agent) this.session.send({ type: "control", whom: this.agent, state: "revoke", scope: "control" });
    this.end();
  }

  tell(message, channel = "control") {
    this.number += 1;
    this.session.control(JSON.stringify({ ...message, n: this.number }), channel);
  }

  place(event) {
    const found = this.active && !event.target.closest("button, a, .tile") ? this.stage.marks.place(event) : null;
    if (found) event.stopPropagation();
    return found;
  }

  move(event) {
    if (!this.active || performance.now() - (this.moved ?? 0) < MOVE_MS) return;
    const found = this.place(event);
    if (!found) return;
    this.moved = performance.now();
    this.tell({ t: "move", x: found[0], y: found[1] }, "moves");
  }

  press(event, kind) {
    const found = this.place(event);
    if (!found) return;
    event.preventDefault();
    this.listen();
    this.tell({ t: kind, b: BUTTONS[event.button] ?? "left", x: found[0], y: found[1] });
  }

  wheel(event) {
    const found = this.place(event);
    if (!found) return;
    event.preventDefault();
    this.tell({ t: "wheel", dx: Math.sign(event.deltaX), dy: Math.sign(event.deltaY), x: found[0], y: found[1] });
  }

  key(event, down) {
    if (!this.active || event.isComposing || event.key === "Process") return;
    const printed = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (printed) return; // comes as text
    event.preventDefault();
    event.stopPropagation();
    this.tell({ t: "key", k: event.key, down });
  }

  text(said) {
    this.typed.value = "";
    if (this.active && said) this.tell({ t: "text", s: said });
  }
}
