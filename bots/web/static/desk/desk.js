// Every page of the desk: menus, presence, sound, theme, help, counts, connection.

import { act, read, word } from "./api.js";
import { openForm } from "./dialog.js";
import "./forms.js";
import { bind } from "./keys.js";
import * as live from "./live.js";
import * as menu from "./menu.js";
import * as palette from "./palette.js";
import { chime, prepare, setSound, soundOn } from "./sound.js";
import { failed, toast } from "./toast.js";

const desk = document.getElementById("desk");
const me = Number(desk.dataset.me);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-menu]");
  if (button) menu.show(button, button.dataset.menu, (box) => prepareMenu(box, button.dataset));
  if (event.target.closest("[data-help]")) help();
  if (event.target.closest("[data-reconnect]")) live.connect();
  const form = event.target.closest("[data-form]");
  if (form) openForm(form.dataset.form, form.dataset.method);
});

// `spared`: what the menu of a contact does not offer, since it is so already.
function prepareMenu(box, { spared }) {
  box.querySelector(`[data-contact-do="${spared}"]`)?.remove();
  box.querySelector("[data-sound]")?.setAttribute("aria-checked", String(soundOn()));
}

document.addEventListener("choose", async ({ detail: { item } }) => {
  const { dataset } = item;
  if ("help" in dataset) help();
  if ("palette" in dataset) palette.open();
  if ("sound" in dataset) setSound(!soundOn());
  if ("themeNext" in dataset) nextTheme();
  if (dataset.presenceSet) await setPresence(dataset.presenceSet);
});

function help() {
  menu.close();
  const dialog = document.getElementById("keys");
  if (!dialog.open) dialog.showModal();
}

function nextTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `dangol_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
}

async function setPresence(presence) {
  try {
    await act("presence", { presence });
    desk.querySelector("[data-presence]").className = `presence presence--${presence}`;
    const template = document.getElementById("menu-me").content;
    for (const item of template.querySelectorAll("[data-presence-set]")) {
      item.setAttribute("aria-checked", String(item.dataset.presenceSet === presence));
    }
  } catch (error) {
    failed(error);
  }
}

let countTimer = 0;
export function refreshCounts() {
  countTimer ||= setTimeout(async () => {
    countTimer = 0; // not put off by what happens meanwhile
    try {
      show(await read("counts"));
    } catch {
      // the offline band says so already
    }
  }, 400);
}

function show(counts) {
  for (const badge of desk.querySelectorAll("[data-count]")) put(badge, counts[badge.dataset.count], true);
  for (const badge of desk.querySelectorAll("[data-view-count]")) put(badge, counts.views[badge.dataset.viewCount]);
  document.dispatchEvent(new CustomEvent("counts", { detail: counts }));
}

function put(badge, value, hides = false) {
  badge.textContent = value ?? 0;
  if (hides) badge.hidden = !value;
}

live.on("happened", (event) => {
  refreshCounts();
  const news = newsOf(event);
  if (!news) return;
  chime();
  const open = () => location.assign(news.href);
  if (!news.here) toast(news.text, { kind: "news", action: { label: word("open"), run: open } });
});

function newsOf(happened) {
  const event = { ...happened, name: happened.name || word("someone") };
  const open = Number(document.querySelector(".thread")?.dataset.conversation ?? 0);
  const here = open === event.conversation_id && document.visibilityState === "visible";
  const href = `/desk/conversations/${event.conversation_id}`;
  const mine = event.assignee === me;
  if (event.kind === "message.received" && mine) return { text: word("news.message", event), href, here };
  if (event.kind === "message.mentioned" && event.staff_id === me) return { text: word("news.mention", event), href, here };
  if (event.kind === "conversation.handed_over" && (mine || !event.assignee)) {
    return { text: word("news.handover", event), href, here };
  }
  if (event.kind === "conversation.assigned" && mine && event.by !== me) return { text: word("news.assigned", event), href, here };
  if (event.kind === "conversation.reply_overdue" && (mine || !event.assignee)) {
    return { text: word("news.overdue", event), href, here };
  }
  if (event.kind === "conversation.woken" && (mine || !event.assignee)) return { text: word("news.woken", event), href, here };
  if (event.kind === "request.complained") {
    return { text: word("news.complaint", event), href: `/desk/requests/${event.request_id}` };
  }
  if (event.kind === "callback.requested") return { text: word("news.callback", event), href: "/desk/callbacks" };
  return null;
}

let offlineTimer = 0;
live.on("offline", () => {
  clearTimeout(offlineTimer);
  offlineTimer = setTimeout(() => (desk.querySelector("[data-offline]").hidden = false), 1500);
});
live.on("online", ({ again }) => {
  clearTimeout(offlineTimer);
  desk.querySelector("[data-offline]").hidden = true;
  if (again) refreshCounts();
});

palette.provide("help", help);
palette.provide("theme", nextTheme);
bind("?", help);
bind("g c", () => location.assign("/desk/conversations"));
bind("g r", () => location.assign("/desk/requests"));
bind("g p", () => location.assign("/desk/contacts"));
bind("g b", () => location.assign("/desk/callbacks"));
bind("/", () => {
  const box = desk.querySelector("[type=search]");
  box?.focus();
  box?.select();
  return Boolean(box);
});

prepare();
live.connect();
