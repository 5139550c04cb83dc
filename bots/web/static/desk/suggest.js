// What the composer offers while writing: canned replies (/), articles and, in notes, colleagues (@).

import { read, word } from "./api.js";

let form = null;
let box = null;
let field = null;
let conversation = 0;
let options = [];
let chosen = 0;
let start = 0;
let canned = null;
let staff = null;

export function ready(newForm, id) {
  form = newForm;
  conversation = id;
  canned = null;
  box = form.querySelector(".suggest");
  field = form.querySelector("textarea");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", "suggest");
  field.addEventListener("input", watch);
  field.addEventListener("blur", () => setTimeout(() => document.activeElement !== field && !box.contains(document.activeElement) && hide(), 150));
  box.addEventListener("mousedown", (event) => event.preventDefault());
  box.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(Number(option.dataset.at));
  });
  form.querySelector("[data-canned]").addEventListener("click", () => open("canned", ""));
  form.querySelector("[data-article]").addEventListener("click", () => open("article", ""));
}

export function hide() {
  options = [];
  if (!box) return;
  box.hidden = true;
  field.removeAttribute("aria-activedescendant");
}

function watch() {
  const before = field.value.slice(0, field.selectionStart);
  const slash = before.match(/^\/([^\n]*)$/) ?? before.match(/\n\/(\S*)$/);
  const at = form.dataset.mode === "note" && before.match(/@([^\s@]*)$/);
  if (slash) offer("canned", slash[1], before.length - slash[1].length - 1);
  else if (at) offer("staff", at[1], before.length - at[1].length - 1);
  else hide();
}

function open(kind, text) {
  field.focus();
  offer(kind, kind === "article" ? field.value.trim() : text, kind === "article" ? field.value.length : field.selectionStart);
}

const called = ({ name, login }) => [name.toLowerCase(), login.toLowerCase()];

let turn = 0;
async function offer(kind, text, from) {
  const mine = ++turn;
  const found = await find(kind, text).catch(() => null);
  if (mine !== turn || document.activeElement !== field) return;
  start = from;
  options = found ?? [];
  chosen = 0;
  paint(kind, found);
}

async function find(kind, text) {
  const wanted = text.toLowerCase();
  if (kind === "canned") {
    canned ??= (await read(`canned?conversation=${conversation}`)).items;
    return canned.filter((item) => `${item.name} ${item.shortcut}`.toLowerCase().includes(wanted)).slice(0, 8);
  }
  if (kind === "staff") {
    staff ??= (await read("staff")).items.map((item) => ({ ...item, shortcut: `@${item.login}`, put: `@${item.login} ` }));
    const found = staff.filter((item) => called(item).some((word) => word.includes(wanted)));
    const begins = (item) => called(item).some((word) => word.startsWith(wanted));
    return [...found.filter(begins), ...found.filter((item) => !begins(item))].slice(0, 8);
  }
  return (await read(`articles?q=${encodeURIComponent(text)}`)).items;
}

function paint(kind, found) {
  box.replaceChildren();
  if (!options.length) {
    const line = document.createElement("p");
    line.textContent = word(found ? `suggest.none.${kind}` : "error.offline");
    box.append(line);
  }
  options.forEach((option, at) => {
    const row = document.createElement("div");
    row.setAttribute("role", "option");
    row.id = `suggest-${at}`;
    row.dataset.at = at;
    const code = document.createElement("span");
    code.className = "kbd";
    code.textContent = option.shortcut;
    const name = document.createElement("b");
    name.textContent = option.name;
    const text = document.createElement("small");
    text.textContent = option.about ?? option.put;
    row.append(code, name, text);
    box.append(row);
  });
  box.hidden = false;
  mark();
}

function mark() {
  [...box.querySelectorAll("[role=option]")].forEach((row, at) => row.setAttribute("aria-selected", String(at === chosen)));
  const row = box.querySelector(`#suggest-${chosen}`);
  if (row) field.setAttribute("aria-activedescendant", row.id);
  row?.scrollIntoView({ block: "nearest" });
}

async function take(at) {
  const option = options[at];
  if (!option) return;
  const target = field;
  const put = option.id && canned?.includes(option) ? await filled(option) : option.put;
  if (target !== field) return;
  const end = field.selectionStart;
  field.setRangeText(put, Math.min(start, end), end, "end");
  hide();
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  hide();
}

// The server fills in {고객} and the like; without it the text goes in as it stands.
const filled = (option) =>
  read(`canned/${option.id}?conversation=${conversation}`).then((reply) => reply.text, () => option.put);

/** True when the key was meant for the list. */
export function keydown(event) {
  if (!box || box.hidden || event.isComposing) return false;
  if (event.key === "Escape") hide();
  else if (!options.length || event.ctrlKey || event.metaKey) return false;
  else if (event.key === "ArrowDown") chosen = (chosen + 1) % options.length;
  else if (event.key === "ArrowUp") chosen = (chosen + options.length - 1) % options.length;
  else if (event.key === "Enter" || event.key === "Tab") take(chosen);
  else return false;
  event.preventDefault();
  event.stopPropagation();
  if (!box.hidden) mark();
  return true;
}
