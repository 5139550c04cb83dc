// The conversation list: views, search, filters, more rows, live order, and picking several.

import { fragment, word } from "./api.js";
import { merge } from "./merge.js";
import { failed } from "./toast.js";

const desk = document.getElementById("desk");
const rows = document.getElementById("rows");
const scroll = desk.querySelector("[data-list]");
const emptyBox = desk.querySelector("[data-empty]");
const search = desk.querySelector("[data-search]");
const picked = new Set();
let filter = new URLSearchParams(location.search).get("filter") ?? "";

export const view = () => desk.dataset.view;
export const row = (id) => rows.querySelector(`[data-id="${id}"]`);
export const ids = () => [...rows.querySelectorAll("[data-id]")].map((item) => Number(item.dataset.id));

function query(extra = {}) {
  const wanted = { view: view(), q: search.elements.q.value.trim(), filter, ...extra };
  return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
}

/** What the address of a conversation keeps of the list. */
export const address = (id) => `/desk/conversations${id ? `/${id}` : ""}?${query()}`;

let wanted = 0;
async function load(skeleton) {
  const turn = ++wanted;
  const wait = skeleton && setTimeout(() => {
    rows.replaceChildren(document.getElementById("skeleton-rows").content.cloneNode(true));
    emptyBox.hidden = true;
  }, 300);
  try {
    const content = await fragment(`/desk/conversations?${query()}`, "list");
    if (turn === wanted) place(content, skeleton);
  } catch (error) {
    if (skeleton) showFault(error);
  } finally {
    clearTimeout(wait);
  }
}

function place(content, whole) {
  const list = content.querySelector("ul");
  if (whole) {
    rows.replaceChildren(...list.children);
    scroll.scrollTop = 0;
    clearPicks();
  } else {
    const times = [...list.querySelectorAll("[data-at]")].map((item) => item.dataset.at);
    const last = times[times.length - 1] ?? "";
    const older = (child) => times.length && (child.dataset.at ? child.dataset.at < last : hasOlder(last));
    if ([...rows.children].some((child) => child.dataset.at && child.dataset.at < last)) {
      list.querySelector('[data-key="more"]')?.remove();
    }
    merge(rows, list, older);
  }
  emptyBox.replaceChildren(...content.querySelector("div").childNodes);
  emptyBox.hidden = Boolean(rows.querySelector("[data-id]"));
  mark(Number(document.querySelector(".thread")?.dataset.conversation ?? 0));
}

const hasOlder = (last) => [...rows.children].some((child) => child.dataset.at && child.dataset.at < last);

function showFault(error) {
  rows.replaceChildren();
  const again = document.createElement("button");
  again.className = "btn";
  again.textContent = word("again");
  again.addEventListener("click", () => load(true));
  const box = document.createElement("div");
  box.className = "empty";
  const text = document.createElement("b");
  text.textContent = error.message;
  box.append(text, again);
  emptyBox.replaceChildren(box);
  emptyBox.hidden = false;
}

let timer = 0;
/** Bring the order, previews and counts of the first page up to date, soon. */
export function refresh() {
  timer ||= setTimeout(() => {
    timer = 0; // not put off by what happens meanwhile: on a busy day something always does
    load(false);
  }, 250);
}

export function show(name, push = true) {
  desk.dataset.view = name;
  for (const tab of desk.querySelectorAll(".list-tabs [role=tab]")) {
    const on = tab.dataset.view === name;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    if (on) scroll.setAttribute("aria-label", tab.firstChild.textContent.trim());
  }
  if (push) history.replaceState(history.state, "", address(Number(document.querySelector(".thread")?.dataset.conversation)));
  load(true);
}

/** Mark the row of the open conversation. */
export function mark(id) {
  for (const item of rows.querySelectorAll(".is-open")) {
    if (Number(item.dataset.id) !== id) {
      item.classList.remove("is-open");
      item.querySelector("a").removeAttribute("aria-current");
    }
  }
  const item = row(id);
  item?.classList.add("is-open");
  item?.querySelector("a").setAttribute("aria-current", "true");
}

/** The row after (1) or before (-1) the focused or open one. */
export function neighbour(step) {
  const all = [...rows.querySelectorAll(".row-link")];
  const now = all.indexOf(document.activeElement);
  const at = now >= 0 ? now : all.findIndex((link) => link.getAttribute("aria-current"));
  return all[Math.max(0, Math.min(all.length - 1, at + step))];
}

desk.querySelector(".list-tabs").addEventListener("click", (event) => {
  const tab = event.target.closest("[data-view]");
  if (!tab) return;
  event.preventDefault();
  show(tab.dataset.view);
});
desk.querySelector(".list-tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.currentTarget.querySelectorAll("[role=tab]")];
  const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
  next.focus();
  show(next.dataset.view);
});
emptyBox.addEventListener("click", (event) => {
  const link = event.target.closest("[data-view-link]");
  if (!link) return;
  event.preventDefault();
  show(link.dataset.viewLink);
});

let searchTimer = 0;
search.addEventListener("input", () => {
  clearTimeout(searchTimer);
  searchTimer = setTimeout(() => load(true), 250);
});
search.addEventListener("submit", (event) => {
  event.preventDefault();
  load(true);
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault(); // it leaves the search, not the open conversation
  search.reset();
  search.elements.q.value = "";
  event.target.blur();
  load(true);
});

document.addEventListener("choose", ({ detail: { item } }) => {
  if (item.dataset.viewTo) show(item.dataset.viewTo);
  if (item.dataset.filter === undefined) return;
  filter = item.dataset.filter;
  const band = desk.querySelector("[data-filter-on]");
  band.hidden = false;
  band.querySelector("span").textContent = item.textContent.trim();
  load(true);
});
desk.querySelector("[data-filter-clear]").addEventListener("click", () => {
  filter = "";
  desk.querySelector("[data-filter-on]").hidden = true;
  load(true);
});

async function more(button) {
  const item = button.closest("li");
  button.setAttribute("aria-busy", "true");
  try {
    const content = await fragment(`/desk/conversations?${query({ after: item.dataset.next })}`, "list");
    item.replaceWith(...content.querySelector("ul").children);
    watchMore();
  } catch (error) {
    button.removeAttribute("aria-busy");
    failed(error);
  }
}
rows.addEventListener("click", (event) => event.target.closest("[data-more]") && more(event.target.closest("[data-more]")));
const sight = new IntersectionObserver((seen) => {
  for (const entry of seen) if (entry.isIntersecting) more(entry.target);
}, { root: scroll, rootMargin: "400px" });
const watchMore = () => rows.querySelectorAll("[data-more]").forEach((button) => sight.observe(button));
watchMore();

// picking several
const bulk = desk.querySelector("[data-bulk]");
export const picks = () => [...picked];
export function clearPicks() {
  picked.clear();
  rows.querySelectorAll("[data-pick]").forEach((box) => (box.checked = false));
  showBulk();
}
function showBulk() {
  bulk.hidden = !picked.size;
  rows.classList.toggle("is-picking", picked.size > 0);
  bulk.querySelector("[data-bulk-count]").textContent = word("bulk.count", { n: picked.size });
  const all = rows.querySelectorAll("[data-pick]").length;
  const box = bulk.querySelector("[data-pick-all]");
  box.checked = picked.size === all && all > 0;
  box.indeterminate = picked.size > 0 && picked.size < all;
}
rows.addEventListener("change", (event) => {
  const box = event.target.closest("[data-pick]");
  if (!box) return;
  box.checked ? picked.add(Number(box.dataset.pick)) : picked.delete(Number(box.dataset.pick));
  showBulk();
});
bulk.querySelector("[data-pick-all]").addEventListener("change", (event) => {
  for (const box of rows.querySelectorAll("[data-pick]")) {
    box.checked = event.target.checked;
    box.checked ? picked.add(Number(box.dataset.pick)) : picked.delete(Number(box.dataset.pick));
  }
  showBulk();
});
bulk.querySelector("[data-bulk-clear]").addEventListener("click", clearPicks);
// a long press picks on touch screens
let press = 0;
rows.addEventListener("touchstart", (event) => {
  const item = event.target.closest("[data-id]");
  press = setTimeout(() => item?.querySelector("[data-pick]").click(), 500);
}, { passive: true });
for (const end of ["touchend", "touchmove", "touchcancel"]) rows.addEventListener(end, () => clearTimeout(press), { passive: true });
