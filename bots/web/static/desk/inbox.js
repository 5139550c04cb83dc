// The three panes together: opening, acts on the open conversation and on several, and their keys.

import { fragment, word } from "./api.js";
import * as composer from "./composer.js";
import { openForm } from "./dialog.js";
import { bind } from "./keys.js";
import * as list from "./list.js";
import * as live from "./live.js";
import * as menu from "./menu.js";
import { provide } from "./palette.js";
import { newRequest, perform } from "./side.js";
import * as thread from "./thread.js";
import { toast } from "./toast.js";

const desk = document.getElementById("desk");
const open = () => thread.openId();
const button = (selector) => desk.querySelector(selector);

desk.addEventListener("click", (event) => {
  const link = event.target.closest(".row-link");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    thread.open(Number(link.closest("[data-id]").dataset.id), { focus: event.detail === 0 });
  }
  const doing = event.target.closest("[data-do]");
  if (doing) doOne(doing.dataset.do);
  const bulk = event.target.closest("[data-bulk-do]");
  if (bulk) doMany(bulk.dataset.bulkDo);
  if (event.target.closest("[data-next]")) next();
  if (event.target.closest("[data-new-contact]")) openForm("/desk/contacts/new");
  if (event.target.closest("[data-side]")) toggleSide();
  if (event.target.closest("[data-side-close]")) desk.dataset.side = "closed";
  const mend = event.target.closest("[data-mend]");
  if (mend) perform(mend.dataset.mend, { conversation: open(), seq: Number(mend.dataset.at) });
  const leave = event.target.closest("[data-leave]");
  if (leave) doOne("assign", { staff: Number(leave.dataset.leave) });
});

/** Acts on one conversation take `conversation`, those that also work in bulk take `conversations`. */
async function doOne(name, args = {}) {
  const id = open();
  if (!id) return;
  const one = ["take", "hand_back"].includes(name) ? { conversation: id } : { conversations: [id] };
  const done = await perform(name, { ...one, ...args });
  if (done && ["close", "snooze"].includes(name)) after(id);
}

async function doMany(name, args = {}) {
  const conversations = list.picks();
  if (conversations.length && (await perform(name, { conversations, ...args }))) list.clearPicks();
}

// After closing or snoozing, the next conversation of the list is at hand.
function after(id) {
  const ids = list.ids();
  const at = ids.indexOf(id);
  const to = ids[at + 1] ?? ids[at - 1];
  if (to && matchMedia("(min-width: 768px)").matches) thread.open(to);
  else thread.close();
}

async function next() {
  const done = await perform("take_next", {});
  if (done?.conversation) thread.open(done.conversation);
  else if (done) toast(word("none_waiting"));
}

function toggleSide() {
  const wide = matchMedia("(min-width: 1240px)").matches;
  const shown = wide ? desk.dataset.side !== "closed" : desk.dataset.side === "open";
  desk.dataset.side = shown ? "closed" : "open";
  if (!shown) desk.querySelector(".side button, .side a")?.focus();
}

document.addEventListener("choose", ({ target, detail: { item } }) => {
  const run = target.matches("[data-bulk-menu]") ? doMany : doOne;
  const { dataset } = item;
  if (dataset.assignStaff) run("assign", { staff: Number(dataset.assignStaff) });
  if (dataset.assignTeam) run("assign", { team: Number(dataset.assignTeam) });
  if ("assignNone" in dataset) run("assign", {});
  if (dataset.snooze) run("snooze", { until: dataset.snooze });
  if ("snoozeAt" in dataset && item.value) run("snooze", { until: `${item.value}:00${desk.dataset.offset}` });
  if (dataset.label) run(hasLabel(target, dataset.name) ? "unlabel" : "label", { label: Number(dataset.label) });
  if (dataset.priority) doOne("priority", { priority: dataset.priority });
  if (dataset.menuDo) more(dataset.menuDo);
  if ("meant" in dataset) perform("misunderstood", { conversation: open(), seq: Number(target.dataset.meantSeq), intent: dataset.meant });
});

const hasLabel = (target, name) =>
  !target.matches("[data-bulk-menu]") &&
  [...desk.querySelectorAll("[data-labels] .tag")].some((tag) => tag.textContent === name);

function more(what) {
  if (what === "close") doOne("close");
  if (what === "new_request") newRequest(Number(thread.thread().dataset.contact));
  if (what === "label") setTimeout(() => labelMenu());
  if (what === "unread") perform("unseen", { conversation: open() }).then(() => thread.close());
  if (what === "copy") navigator.clipboard.writeText(`${location.origin}/desk/conversations/${open()}`).then(() => toast(word("copied")));
}

function labelMenu() {
  const at = button("[data-labels] [data-menu=label]") ?? button(".thread [data-menu=more]");
  if (at && open()) menu.show(at.offsetParent ? at : button(".thread [data-menu=more]"), "label", tick);
}

function tick(box) {
  for (const item of box.querySelectorAll("[data-label]")) {
    item.setAttribute("aria-checked", String(hasLabel(desk, item.dataset.name)));
  }
}

document.addEventListener("renew", () => {
  list.refresh();
  thread.refreshAround();
  thread.refreshMessages();
});
document.addEventListener("sent", () => {
  list.refresh();
  thread.refreshMessages();
  thread.refreshAround();
});
let waiting = null;
document.addEventListener("counts", async ({ detail }) => {
  if (waiting === detail.views.unassigned) return;
  waiting = detail.views.unassigned;
  const fresh = await fragment("/desk/conversations", "quiet").catch(() => null);
  if (fresh) thread.renewQuiet(fresh);
});
document.addEventListener("newer", () => thread.refreshMessages());
live.on("happened", (event) => {
  if (/^(conversation|message|request|contact)\./.test(event.kind)) list.refresh();
});
live.on("online", ({ again }) => again && list.refresh());
setInterval(() => document.visibilityState === "visible" && list.refresh(), 60000); // the waiting clocks

const go = (step) => () => {
  const link = list.neighbour(step);
  if (!link) return false;
  link.focus();
  if (open() && matchMedia("(min-width: 768px)").matches) link.click();
  return true;
};
provide("reply", () => composer.start("reply"));
provide("note", () => composer.start("note"));
bind("j", go(1));
bind("k", go(-1));
bind("r", () => composer.start("reply"));
bind("m", () => composer.start("note"));
bind("t", () => Boolean(open()) && void doOne("take"));
bind("b", () => Boolean(open()) && void doOne("hand_back"));
bind("a", () => button(".thread [data-menu=assign]")?.click());
bind("s", () => button(".thread [data-menu=snooze]")?.click());
bind("l", labelMenu);
bind("e", () => Boolean(open()) && void doOne("close"));
bind("n", next);
bind("i", toggleSide);
bind("escape", () => {
  if (document.querySelector("dialog[open]")) return false;
  if (desk.dataset.side === "open" && !matchMedia("(min-width: 1240px)").matches) desk.dataset.side = "closed";
  else if (list.picks().length) list.clearPicks();
  else if (open()) thread.close();
  else return false;
  return true;
});

// On a phone the list stands alone until a conversation is opened: it is the main part of the page then.
const phone = matchMedia("(max-width: 767px)");
function landmarks() {
  const alone = phone.matches && desk.dataset.pane === "list";
  if (alone) button(".list").setAttribute("role", "main");
  else button(".list").removeAttribute("role");
  button(".skip").setAttribute("href", alone ? "#rows-panel" : "#main");
}
new MutationObserver(landmarks).observe(desk, { attributeFilter: ["data-pane"] });
phone.addEventListener("change", landmarks);
landmarks();

if (thread.thread()) {
  history.replaceState({ open: open() }, "");
  thread.ready();
}
