// Toasts: 6 seconds, with 되돌리기 where possible. An error shown here is also shown where it happened.

import { act, word } from "./api.js";

const STAY_MS = 6000;
const KEPT = "dangol-said";
let latest = null; // what an act did: still standing when its page goes, it is said again on the next one

function region(kind) {
  return document.getElementById(kind === "error" ? "toast-alerts" : "toasts");
}

/** Show `text`; `action` is `{label, run}`. News waits while there stands what one's own act did. */
export function toast(text, { kind = "done", action = null } = {}) {
  if (kind === "news" && region(kind).querySelector("[data-own]")) {
    setTimeout(() => toast(text, { kind, action }), 500);
    return null;
  }
  const box = document.createElement("div");
  box.className = `toast${kind === "error" ? " is-error" : ""}`;
  if (kind === "done") box.dataset.own = "";
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  if (action) box.append(button(action, box));
  region(kind).replaceChildren(box);
  let timer = setTimeout(() => box.remove(), STAY_MS);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("focusin", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => {
    timer = setTimeout(() => box.remove(), STAY_MS);
  });
  return box;
}

function button(action, box) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = action.label;
  element.addEventListener("click", () => {
    box.remove();
    action.run();
  });
  return element;
}

/** Say what an act did, and offer its undoing. */
export function said(result, after = () => {}) {
  if (!result.said) return;
  latest = { said: result.said, undo: result.undo, at: Date.now() };
  const undo = result.undo && {
    label: word("undo"),
    run: async () => {
      try {
        said({ said: (await act(result.undo.act, result.undo.args)).said || word("undone") });
        after();
      } catch (error) {
        failed(error);
      }
    },
  };
  toast(result.said, { action: undo });
}

/** An act failed: say why, in the server's words. */
export function failed(error) {
  toast(error.message, { kind: "error" });
}

addEventListener("pagehide", () => {
  if (latest && Date.now() - latest.at < STAY_MS) sessionStorage.setItem(KEPT, JSON.stringify(latest));
});
const kept = JSON.parse(sessionStorage.getItem(KEPT));
sessionStorage.removeItem(KEPT);
// Not after a log-in in between, which may be another person's.
if (kept && Date.now() - kept.at < 2 * STAY_MS) {
  said(kept, () => location.reload());
  latest = null; // once
}
