// A short tone for new work, made here; the off switch is kept in this browser.

const KEY = "dangol.desk.sound";
let audio = null;

export const soundOn = () => localStorage.getItem(KEY) !== "off";

export function setSound(on) {
  localStorage.setItem(KEY, on ? "on" : "off");
  if (on) chime();
}

/** Browsers allow sound only after a gesture: prepare at the first one. */
export function prepare() {
  const wake = () => {
    audio ??= new AudioContext();
    audio.resume();
  };
  addEventListener("pointerdown", wake, { once: true });
  addEventListener("keydown", wake, { once: true });
}

function tone(frequency, start, seconds) {
  const oscillator = audio.createOscillator();
  const gain = audio.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(0.0001, start);
  gain.gain.exponentialRampToValueAtTime(0.08, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.0001, start + seconds);
  oscillator.connect(gain).connect(audio.destination);
  oscillator.start(start);
  oscillator.stop(start + seconds);
}

export function chime() {
  if (!soundOn() || !audio || audio.state !== "running") return;
  tone(660, audio.currentTime, 0.16);
  tone(880, audio.currentTime + 0.11, 0.22);
}
