// The composer: reply or note, drafts kept apart, files, sending, and the warning when two write at once.

import { act, upload, word } from "./api.js";
import { ask } from "./dialog.js";
import * as live from "./live.js";
import * as suggest from "./suggest.js";
import { failed, toast } from "./toast.js";

let form = null;
let conversation = 0;
let files = [];
const drafts = () => `dangol.draft.${conversation}.`;
const since = () => `${drafts()}reply.since`;
const field = () => form.querySelector("textarea");
export const mode = () => form?.dataset.mode;

/** Take over the composer of a thread that was just put into the page. */
export function ready(thread) {
  conversation = Number(thread.dataset.conversation);
  form = thread.querySelector("[data-composer]");
  files = [];
  field().value = sessionStorage.getItem(drafts() + mode()) ?? "";
  setMode(mode(), false);
  form.addEventListener("submit", submit);
  form.addEventListener("click", click);
  form.querySelector("[role=tablist]").addEventListener("keydown", walkTabs);
  field().addEventListener("keydown", keydown);
  field().addEventListener("input", input);
  form.querySelector("[data-file]").addEventListener("change", (event) => attach([...event.target.files]));
  field().addEventListener("paste", (event) => event.clipboardData.files.length && attach([...event.clipboardData.files]));
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    attach([...event.dataTransfer.files]);
  });
  suggest.ready(form, conversation);
}

/** The thread goes away: keep what was written. */
export function leave() {
  if (!form) return;
  keep();
  live.stoppedTyping(conversation);
  form = null;
}

function keep() {
  const text = field().value;
  if (text) sessionStorage.setItem(drafts() + mode(), text);
  else sessionStorage.removeItem(drafts() + mode());
  if (mode() !== "reply") return;
  if (!text) sessionStorage.removeItem(since());
  else if (!sessionStorage.getItem(since())) sessionStorage.setItem(since(), seq());
}

const seq = () => form.closest(".thread").dataset.seq;

export function setMode(next, focus = true) {
  if (next !== mode()) {
    keep();
    form.dataset.mode = next;
    field().value = sessionStorage.getItem(drafts() + next) ?? "";
    suggest.hide();
  }
  for (const tab of form.querySelectorAll("[role=tab]")) {
    const on = tab.dataset.mode === next;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
  }
  hint();
  if (focus) field().focus();
}

/** What the empty field says: a reply takes a conversation of the bot's over. */
export function hint() {
  if (!form) return;
  const takes = mode() === "reply" && form.closest(".thread").dataset.owner === "bot";
  field().placeholder = field().dataset[takes ? "takes" : mode()];
}

export function start(next) {
  if (form && !form.querySelector(`[data-mode="${next}"]`).disabled) setMode(next);
}

function input() {
  keep();
  showError("");
  if (field().value.trim()) live.typing(conversation, mode());
  else live.stoppedTyping(conversation);
}

function keydown(event) {
  if (suggest.keydown(event)) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.key === "Escape") {
    field().blur();
    event.stopPropagation();
  }
}

// The pair is one stop of Tab; the arrow keys change between reply and note.
function walkTabs(event) {
  if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
  const tabs = [...form.querySelectorAll("[role=tab]:not(:disabled)")];
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const to = step ? tabs.at((tabs.indexOf(event.target) + step) % tabs.length) : tabs.at(event.key === "Home" ? 0 : -1);
  event.preventDefault();
  setMode(to.dataset.mode, false);
  to.focus();
}

function click(event) {
  const tab = event.target.closest("[role=tab]");
  if (tab && !tab.disabled) setMode(tab.dataset.mode);
  if (event.target.closest("[data-attach]")) form.querySelector("[data-file]").click();
  const drop = event.target.closest("[data-drop]");
  if (drop) {
    files = files.filter((file) => file.token !== drop.dataset.drop);
    showFiles();
  }
}

function showError(text) {
  const line = form.querySelector("[data-error]");
  line.textContent = text;
  line.hidden = !text;
}

async function attach(chosen) {
  const target = form;
  for (const file of chosen) {
    try {
      const stored = await upload(file, { conversation });
      if (form === target) files.push(stored);
    } catch (error) {
      if (form === target) showError(`${file.name}: ${error.message}`);
    }
  }
  if (form === target) showFiles();
}

function showFiles() {
  const box = form.querySelector("[data-attached]");
  box.replaceChildren(
    ...files.map((file) => {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.textContent = file.name;
      const drop = document.createElement("button");
      Object.assign(drop, { type: "button", className: "icon-btn icon-btn--sm", textContent: "×" });
      drop.dataset.drop = file.token;
      drop.setAttribute("aria-label", word("file.drop", { name: file.name }));
      item.append(name, ...(file.type.startsWith("image/") ? [describing(file)] : []), drop);
      return item;
    }),
  );
}

// A photo asks what it shows, for who cannot see it.
function describing(file) {
  const input = document.createElement("input");
  Object.assign(input, { className: "input", maxLength: 300, placeholder: word("file.describe"), value: file.description ?? "" });
  input.setAttribute("aria-label", word("file.describe"));
  input.addEventListener("input", () => (file.description = input.value));
  input.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  return input;
}

async function submit(event) {
  event.preventDefault();
  const text = field().value.trim();
  if ((!text && !files.length) || form.getAttribute("aria-busy")) return field().focus();
  const sentFrom = form;
  const name = mode();
  const args = { conversation, text, files: files.map((file) => file.token) };
  // What was there when they began to write: a colleague's answer since then asks once more.
  if (name === "reply") args.expected_seq = Number(sessionStorage.getItem(since()) ?? seq());
  busy(sentFrom, true);
  try {
    for (const { token, description } of files) if (description) await act("file_describe", { token, description });
    await sendOnce(name, args);
    if (form === sentFrom) done(name);
  } catch (error) {
    if (form === sentFrom && error.code !== "unsent") showError(error.message);
    else if (error.code !== "unsent") failed(error);
  } finally {
    busy(sentFrom, false);
  }
}

// Someone wrote meanwhile: say so once, and send only after a second yes.
async function sendOnce(name, args) {
  try {
    return await act(name, args);
  } catch (error) {
    if (error.reason !== "newer_messages") throw error;
    document.dispatchEvent(new CustomEvent("newer"));
    sessionStorage.setItem(`dangol.draft.${args.conversation}.reply.since`, error.values.seq); // told of it now
    const yes = await ask({ title: word("newer.title"), text: word("newer.text"), yes: word("newer.yes") });
    if (!yes) throw Object.assign(new Error(), { code: "unsent" });
    return act(name, { ...args, expected_seq: error.values.seq ?? null });
  }
}

function done(name) {
  field().value = "";
  files = [];
  showFiles();
  keep();
  live.stoppedTyping(conversation);
  document.dispatchEvent(new CustomEvent("sent", { detail: name }));
  if (name === "note") toast(word("noted"));
  field().focus();
}

function busy(target, on) {
  const button = target.querySelector("[type=submit]");
  if (on) {
    target.setAttribute("aria-busy", "true");
    button.setAttribute("aria-busy", "true");
  } else {
    target.removeAttribute("aria-busy");
    button.removeAttribute("aria-busy");
  }
}

// collision
let collisionTimer = 0;
live.on("typing", (event) => {
  if (!form || event.conversation !== conversation) return;
  const band = form.closest(".thread").querySelector("[data-collision]");
  band.querySelector("[data-collision-face]").innerHTML = "";
  band.querySelector("[data-collision-face]").append(face(event.staff));
  band.querySelector("[data-collision-text]").textContent = word(
    event.mode === "note" ? "collision.note" : "collision.reply", { name: event.staff.name });
  const leave = band.querySelector("[data-leave]");
  leave.textContent = word("collision.leave", { name: event.staff.name });
  leave.dataset.leave = event.staff.id;
  band.hidden = false;
  clearTimeout(collisionTimer);
  collisionTimer = setTimeout(() => (band.hidden = true), 7000);
});
live.on("stopped", (event) => {
  if (form && event.conversation === conversation) form.closest(".thread").querySelector("[data-collision]").hidden = true;
});

function face(staff) {
  const span = document.createElement("span");
  span.className = `avatar avatar--sm avatar--${staff.tint}`;
  span.textContent = staff.initials;
  span.setAttribute("aria-hidden", "true");
  return span;
}
