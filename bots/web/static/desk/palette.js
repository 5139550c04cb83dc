// The command palette (Ctrl/Cmd K): a combobox over what the server offers for the words typed so far.

import { act, read, word } from "./api.js";
import { openForm } from "./dialog.js";
import { bind } from "./keys.js";
import { failed, said } from "./toast.js";

const dialog = document.getElementById("palette");
const field = dialog.querySelector("input");
const box = dialog.querySelector("[role=listbox]");
const status = dialog.querySelector("[role=status]");
const sprite = dialog.dataset.sprite;
const local = new Map(); // things of the page itself, by name

let lines = [];
let chosen = 0;
let turn = 0;
let timer = 0;
let answered = null; // the words to which `lines` are the answer
let hurried = false; // Enter came before the answer: what it leads to is taken when it is there

/** What `run: name` does on this page. */
export const provide = (name, run) => local.set(name, run);

export function open() {
  if (document.querySelector("dialog[open]")) return;
  field.value = "";
  lines = [];
  answered = null;
  hurried = false;
  box.replaceChildren();
  status.textContent = "";
  dialog.showModal();
  field.focus();
  ask();
}

const conversation = () => Number(document.querySelector(".thread")?.dataset.conversation ?? 0);

async function ask() {
  const mine = ++turn;
  const words = field.value;
  const query = new URLSearchParams({ q: words, conversation: conversation() });
  try {
    const { groups } = await read(`palette?${query}`);
    if (mine !== turn || !dialog.open) return;
    show(groups);
    answered = words;
    if (hurried) take(lines[chosen]);
  } catch (error) {
    if (mine !== turn) return;
    hurried = false;
    show([]);
    status.textContent = error.message;
  }
}

function show(groups) {
  lines = groups.flatMap((group) => group.items).filter((item) => !item.run || local.has(item.run));
  box.replaceChildren(...groups.map(group));
  status.textContent = lines.length ? word("palette.count", { n: lines.length }) : word("palette.none");
  status.classList.toggle("sr", lines.length > 0);
  choose(0);
}

function group({ name, items }) {
  const holder = document.createElement("div");
  holder.setAttribute("role", "group");
  holder.setAttribute("aria-label", name);
  const title = document.createElement("p");
  title.className = "menu-title";
  title.setAttribute("aria-hidden", "true");
  title.textContent = name;
  holder.append(title, ...items.filter((item) => lines.includes(item)).map(option));
  return holder;
}

function option(item) {
  const at = lines.indexOf(item);
  const line = document.createElement("div");
  line.id = `palette-${at}`;
  line.className = "palette-line";
  line.setAttribute("role", "option");
  line.setAttribute("aria-selected", "false");
  line.dataset.at = at;
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("class", "icon");
  picture.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${item.icon}`);
  picture.append(use);
  line.append(picture, part("b", item.label), part("span", item.about, "muted palette-about"), part("span", item.aside, "muted nowrap"));
  for (const key of (item.keys ?? "").split(" ").filter(Boolean)) line.append(part("kbd", key, "kbd"));
  return line;
}

function part(tag, text, name = "") {
  if (!text) return "";
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

function choose(at) {
  chosen = lines.length ? (at + lines.length) % lines.length : 0;
  for (const line of box.querySelectorAll("[role=option]")) {
    const is = Number(line.dataset.at) === chosen;
    line.setAttribute("aria-selected", String(is));
    if (is) line.scrollIntoView({ block: "nearest" });
  }
  if (lines.length) field.setAttribute("aria-activedescendant", `palette-${chosen}`);
  else field.removeAttribute("aria-activedescendant");
}

async function take(item) {
  if (!item) return;
  dialog.close();
  if (item.href) location.assign(item.href);
  else if (item.form) openForm(item.form);
  else if (item.run) local.get(item.run)();
  else await perform(item);
}

async function perform({ act: name, args }) {
  const renew = () => document.dispatchEvent(new CustomEvent("renew"));
  try {
    const done = await act(name, args);
    if (name === "take_next") return next(done);
    said(done, renew);
  } catch (error) {
    failed(error);
  }
  renew();
  return undefined;
}

function next(done) {
  if (done.conversation) location.assign(`/desk/conversations/${done.conversation}`);
  else said({ said: word("none_waiting") });
}

function enter() {
  if (answered === field.value) return take(lines[chosen]);
  clearTimeout(timer);
  hurried = true;
  return ask();
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  hurried = false;
  timer = setTimeout(ask, 120);
});
dialog.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + 5, PageUp: chosen - 5 }[event.key];
  if (to !== undefined) choose(to);
  else if (event.key === "Enter" && event.target === field) enter();
  else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") dialog.close();
  else return;
  event.preventDefault();
  event.stopPropagation();
});
box.addEventListener("mousedown", (event) => event.preventDefault());
box.addEventListener("click", (event) => {
  const line = event.target.closest("[role=option]");
  if (line) take(lines[Number(line.dataset.at)]);
});
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
bind("mod+k", open);
