// What both call pages do with the media room: recording and its consent, quality, hold, coming back.
import { announce, byId, el, icon } from "../chat/ui.js";
import { t } from "../chat/words.js";

const BARS = { good: "good", fair: "fair", poor: "poor" };

// Show the recording's state: a red dot with the time while it runs, and why there is none.
export class RecordingLight {
  constructor(place, text, idle) {
    Object.assign(this, { place, text, idle });
    this.state = "off";
  }

  set(state, since) {
    this.state = state;
    this.since = since ? new Date(since).getTime() : Date.now();
    clearInterval(this.timer);
    this.place.classList.toggle("is-recording", state === "on");
    if ("disabled" in this.place) this.place.disabled = state !== "on"; // the customer's stops it
    if (state === "on") {
      this.timer = setInterval(() => this.tick(), 500);
      announce(t("call.recording.began"));
    }
    this.tick();
  }

  tick() {
    const idle = this.mode === "peer" ? t("call.recording.never") : this.idle();
    this.text.textContent = this.state === "on" ? t("call.recording.on", { time: elapsed(this.since) }) : idle;
    this.place.replaceChildren(this.state === "on" ? el("i", { class: "red-dot", "aria-hidden": "true" }) : icon("video"), this.text);
  }
}

export function elapsed(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - since) / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return `${hours ? `${hours}:` : ""}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

// Ask for consent when the room waits for ours. The answer goes to the room, which keeps it.
export function askConsent(session, me, who) {
  const sheet = byId("consent");
  let asked = false;
  const heard = (recording) => {
    const wanted = recording.state === "asked" && recording.missing?.includes(me);
    if (wanted && !sheet.open) {
      byId("consent-who").textContent = who(recording.by);
      sheet.returnValue = "";
      asked = true;
      sheet.showModal();
    } else if (!wanted && sheet.open) {
      asked = false;
      sheet.close();
    }
  };
  session.addEventListener("recording", ({ detail }) => heard(detail));
  session.addEventListener("welcome", ({ detail }) => heard(detail.recording)); // asked while we came (again)
  sheet.addEventListener("cancel", (event) => event.preventDefault()); // Esc answers nothing
  sheet.addEventListener("close", () => {
    if (asked) session.send({ type: "recording", state: sheet.returnValue === "agree" ? "agree" : "refuse" });
    asked = false;
  });
}

export function showQuality(place, text, level) {
  place.dataset.level = BARS[level] ?? "good";
  text.textContent = t(`call.quality.${BARS[level] ?? "good"}`);
}

// How good our own way is, by what others get to hear of it too.
export function levelOf({ loss = 0, rtt_ms: rtt = 0 }) {
  if (loss > 0.08 || rtt > 600) return "poor";
  return loss > 0.03 || rtt > 300 ? "fair" : "good";
}

// The words say what a press will do, or what is so; to call the button pressed as well would contradict them.
export function toggle(button, on, words, name) {
  button.classList.toggle("is-on", on);
  button.querySelector(".ctrl-text").textContent = words;
  if (name) button.querySelector(".ctrl-face use").setAttribute("href", button.querySelector(".ctrl-face use").getAttribute("href").replace(/#.*/, `#${name}`));
}

// What the dialog of hanging up says: who is no side of the call leaves it, and the others talk on.
export function asLeaving(sheet, leaving = true) {
  sheet.querySelector("h2").textContent = t(leaving ? "call.desk.leave_title" : "call.sure.title");
  sheet.querySelector("p").textContent = t(leaving ? "call.desk.leave_text" : "call.sure.text");
  sheet.querySelector("[value=yes]").textContent = t(leaving ? "call.desk.leave_yes" : "call.sure.yes");
}
