// The open conversation: loading, live messages, scroll, the pill of new ones, what has been seen.

import { act, fragment, word } from "./api.js";
import * as composer from "./composer.js";
import * as list from "./list.js";
import * as live from "./live.js";
import { merge } from "./merge.js";
import { failed } from "./toast.js";

const desk = document.getElementById("desk");
const pane = document.getElementById("main");
const side = desk.querySelector(".side");
const narrow = matchMedia("(max-width: 767px)");
let listScroll = 0;
let unseen = 0;

export const thread = () => pane.querySelector(".thread");
export const openId = () => Number(thread()?.dataset.conversation ?? 0);

const scroller = () => pane.querySelector(".thread-scroll");
const atBottom = () => {
  const box = scroller();
  return box.scrollHeight - box.scrollTop - box.clientHeight < 90;
};
function toBottom() {
  const box = scroller();
  box.scrollTop = box.scrollHeight;
  hidePill();
}

let wanted = 0;
/** Open a conversation in the pane; `push` puts it into the history. */
export async function open(id, { push = true, focus = false } = {}) {
  const turn = ++wanted;
  if (narrow.matches) listScroll = desk.querySelector("[data-list]").scrollTop;
  list.mark(id);
  const wait = setTimeout(() => {
    pane.replaceChildren(document.getElementById("skeleton-thread").content.cloneNode(true));
  }, 300);
  try {
    const content = await fragment(`/desk/conversations/${id}?view=${list.view()}`, "open");
    clearTimeout(wait);
    if (turn !== wanted) return;
    composer.leave();
    pane.replaceChildren(content.querySelector(".thread"));
    side.replaceChildren(content.querySelector(".side-inner"));
    side.hidden = false;
    desk.dataset.pane = "thread";
    if (push) history.pushState({ open: id }, "", list.address(id));
    ready();
    if (focus) pane.focus();
  } catch (error) {
    clearTimeout(wait);
    failed(error);
    if (!thread()) quiet();
  }
}

/** Back to the list: the same scroll place on a phone, a quiet pane beside it otherwise. */
export function close({ push = true } = {}) {
  wanted += 1;
  const id = openId();
  composer.leave();
  quiet();
  if (push) history.pushState({}, "", list.address(0));
  desk.querySelector("[data-list]").scrollTop = narrow.matches ? listScroll : desk.querySelector("[data-list]").scrollTop;
  list.row(id)?.querySelector("a").focus({ preventScroll: true });
}

/** What the pane says while no conversation is open, with new counts. */
export function renewQuiet(fresh) {
  document.getElementById("quiet").content.replaceChildren(fresh);
  if (pane.querySelector(".quiet") && !pane.contains(document.activeElement)) quiet();
}

function quiet() {
  pane.replaceChildren(document.getElementById("quiet").content.cloneNode(true));
  side.hidden = true;
  desk.dataset.pane = "list";
  list.mark(0);
  live.watch(null);
}

/** Make the thread in the pane live. */
export function ready() {
  unseen = 0;
  live.watch(openId());
  composer.ready(thread());
  toBottom();
  scroller().addEventListener("scroll", () => atBottom() && hidePill());
  for (const image of pane.querySelectorAll(".photo img")) image.addEventListener("load", () => atBottom() && toBottom());
  seen();
}

let seenTimer = 0;
function seen() {
  clearTimeout(seenTimer);
  if (document.visibilityState !== "visible" || !thread()) return;
  const { conversation, seq } = thread().dataset;
  seenTimer = setTimeout(() => {
    act("seen", { conversation: Number(conversation), seq: Number(seq) }).catch(() => {});
  }, 600);
}
document.addEventListener("visibilitychange", seen);

let timer = 0;
/** Fetch new and changed messages, soon. */
export function refreshMessages() {
  clearTimeout(timer);
  timer = setTimeout(messages, 60);
}

async function messages() {
  const id = openId();
  if (!id) return;
  const content = await fragment(`/desk/conversations/${id}`, "messages").catch(() => null);
  if (!content || openId() !== id) return;
  const holder = document.createElement("ol");
  holder.append(content);
  const ol = pane.querySelector(".messages");
  const first = Number(holder.querySelector("[data-seq]")?.dataset.seq ?? 0);
  const stuck = atBottom();
  if (ol.querySelector(`[data-seq="${first - 1}"]`)) holder.querySelector('[data-key="older"]')?.remove();
  const keep = (child) => child.dataset.key === "older" || Number(child.dataset.seq ?? child.dataset.key.slice(1)) < first;
  const fresh = merge(ol, holder, keep).filter((item) => item.dataset.seq);
  const last = [...ol.querySelectorAll("[data-seq]")].pop();
  if (last) thread().dataset.seq = last.dataset.seq;
  pane.querySelector("[data-peer]").hidden = true;
  if (!fresh.length) return;
  if (stuck || fresh.some((item) => item.classList.contains("is-mine"))) toBottom();
  else showPill(fresh.length);
  seen();
}

function showPill(count) {
  unseen += count;
  const pill = pane.querySelector("[data-newest]");
  pill.textContent = word("pill", { n: unseen });
  pill.style.bottom = `${pane.querySelector(".thread-foot").offsetHeight + 12}px`;
  pill.hidden = false;
}
function hidePill() {
  unseen = 0;
  const pill = pane.querySelector("[data-newest]");
  if (pill) pill.hidden = true;
}

/** Who speaks, status and the side pane changed: renew them around the composer, which stays. */
export async function refreshAround() {
  const id = openId();
  if (!id) return;
  const content = await fragment(`/desk/conversations/${id}?view=${list.view()}`, "open").catch(() => null);
  if (!content || openId() !== id) return;
  const fresh = content.querySelector(".thread");
  const now = thread();
  for (const name of ["owner", "mine", "status"]) now.dataset[name] = fresh.dataset[name];
  now.querySelector(".thread-head").replaceWith(fresh.querySelector(".thread-head"));
  const foot = now.querySelector(".thread-foot");
  foot.querySelectorAll(":scope > .band:not([data-collision])").forEach((band) => band.remove());
  const bands = fresh.querySelectorAll(".thread-foot > .band:not([data-collision])");
  foot.querySelector("[data-collision]").after(...bands);
  composer.hint();
  refreshSide(content.querySelector(".side-inner"));
}

function refreshSide(fresh) {
  const active = side.contains(document.activeElement) ? document.activeElement : null;
  if (side.querySelector("[data-dirty]:not([hidden])") || active?.matches("select, textarea")) return;
  const top = side.scrollTop;
  side.replaceChildren(fresh);
  side.scrollTop = top;
  if (active?.dataset.menu) side.querySelector(`[data-menu="${active.dataset.menu}"]`)?.focus();
}

async function older(button) {
  const box = scroller();
  const fromEnd = box.scrollHeight - box.scrollTop;
  button.setAttribute("aria-busy", "true");
  try {
    const content = await fragment(`/desk/conversations/${openId()}?before=${button.dataset.older}`, "messages");
    button.closest("li").replaceWith(content);
    box.scrollTop = box.scrollHeight - fromEnd;
  } catch (error) {
    button.removeAttribute("aria-busy");
    failed(error);
  }
}

let peerTimer = 0;
function peerTyping() {
  const line = pane.querySelector("[data-peer]");
  if (!line) return;
  const stuck = atBottom();
  line.hidden = false;
  if (stuck) toBottom();
  clearTimeout(peerTimer);
  peerTimer = setTimeout(() => (line.hidden = true), 6000);
}

pane.addEventListener("click", (event) => {
  if (event.target.closest("[data-back]")) narrow.matches && history.state?.open ? history.back() : close();
  if (event.target.closest("[data-newest]")) toBottom();
  const button = event.target.closest("[data-older]");
  if (button) older(button);
});

live.on("customer_typing", (event) => event.conversation === openId() && peerTyping());
live.on("happened", (event) => {
  if (event.conversation_id !== openId() && event.contact_id !== Number(thread()?.dataset.contact)) return;
  if (event.conversation_id === openId()) refreshMessages();
  if (!event.kind.startsWith("message.")) refreshAround();
});
live.on("online", ({ again }) => {
  if (again && openId()) {
    refreshMessages();
    refreshAround();
  }
});
addEventListener("popstate", (event) => {
  const id = event.state?.open ?? Number(location.pathname.match(/conversations\/(\d+)/)?.[1] ?? 0);
  if (id) open(id, { push: false });
  else close({ push: false });
});
