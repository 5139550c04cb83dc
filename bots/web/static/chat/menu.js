// The menu behind the three dots, the theme, searching the conversation, downloading and ending it.
import * as store from "./store.js";
import { byId, el } from "./ui.js";
import { clock, config, day, t } from "./words.js";

export function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function useTheme(theme) {
  if (theme !== "dark" && theme !== "light") return;
  document.documentElement.dataset.theme = theme;
  document.cookie = `dangol_theme=${theme}; path=/; max-age=31536000; samesite=lax`;
}

export function setUpMenu({ download, end }) {
  const opener = byId("menu-open");
  const menu = byId("menu");
  const items = [...menu.querySelectorAll("[role=menuitem]")];
  const show = (open) => {
    menu.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (open) {
      label();
      items[0].focus();
    }
  };
  const label = () => {
    byId("menu-theme").querySelector("span").textContent = t(dark() ? "chat.menu.theme_light" : "chat.menu.theme_dark");
    byId("menu-sound").querySelector("span").textContent = t(store.read("sound") ? "chat.menu.sound_off" : "chat.menu.sound_on");
  };
  opener.addEventListener("click", () => show(menu.hidden));
  document.addEventListener("pointerdown", (event) => menu.hidden || menu.contains(event.target) || opener.contains(event.target) || show(false));
  menu.addEventListener("keydown", (event) => {
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items.at(to % items.length).focus();
    }
    if (event.key === "Escape" || event.key === "Tab") {
      show(false);
      opener.focus();
    }
  });
  byId("menu-theme").addEventListener("click", () => {
    const theme = dark() ? "light" : "dark";
    store.write("theme", theme);
    useTheme(theme);
    show(false);
    opener.focus();
  });
  byId("menu-sound").addEventListener("click", () => {
    store.write("sound", !store.read("sound"));
    show(false);
    opener.focus();
  });
  const language = byId("menu-language");
  const url = new URL(location.href);
  url.searchParams.set("lang", language.lang);
  language.href = url.search;
  byId("menu-telegram")?.addEventListener("click", () => show(false));
  byId("menu-download").addEventListener("click", () => {
    show(false);
    download();
  });
  const dialog = byId("end");
  byId("menu-end").addEventListener("click", () => {
    show(false);
    dialog.returnValue = "no";
    dialog.showModal();
  });
  dialog.addEventListener("close", () => (dialog.returnValue === "yes" ? end() : opener.focus()));
}

// -- search

export function setUpSearch() {
  const form = byId("search");
  const opener = byId("search-open");
  const text = byId("search-text");
  const count = byId("search-count");
  let hits = [];
  let at = -1;
  const clear = () => {
    for (const mark of document.querySelectorAll("#log mark")) mark.replaceWith(document.createTextNode(mark.textContent));
    byId("log").normalize();
    hits = [];
  };
  const step = (by) => {
    if (!hits.length) return;
    hits[at]?.closest(".msg")?.classList.remove("msg--hit");
    at = (at + by + hits.length) % hits.length;
    const row = hits[at].closest(".msg");
    row?.classList.add("msg--hit");
    (row ?? hits[at]).scrollIntoView({ block: "center" });
    count.textContent = t("chat.search.count", { at: at + 1, n: hits.length });
  };
  const find = () => {
    clear();
    for (const row of document.querySelectorAll(".msg--hit")) row.classList.remove("msg--hit");
    const wanted = text.value.trim().toLocaleLowerCase();
    if (wanted) hits = marks(wanted);
    at = hits.length;
    count.textContent = wanted && !hits.length ? t("chat.search.none") : "";
    if (hits.length) step(-1);
  };
  const show = (open) => {
    form.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (open) text.focus();
    else {
      clear();
      for (const row of document.querySelectorAll(".msg--hit")) row.classList.remove("msg--hit");
      text.value = count.textContent = "";
      opener.focus();
    }
  };
  opener.addEventListener("click", () => show(form.hidden));
  byId("search-close").addEventListener("click", () => show(false));
  byId("search-previous").addEventListener("click", () => step(-1));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    step(1);
  });
  form.addEventListener("keydown", (event) => event.key === "Escape" && show(false));
  text.addEventListener("input", find);
}

function marks(wanted) {
  const found = [];
  const walker = document.createTreeWalker(byId("log"), NodeFilter.SHOW_TEXT, {
    acceptNode: (node) => (node.parentElement.closest(".bubble, .pane, .doc") ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT),
  });
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  for (const node of nodes) {
    let rest = node;
    let place = rest.data.toLocaleLowerCase().indexOf(wanted);
    while (place >= 0) {
      const hit = rest.splitText(place);
      rest = hit.splitText(wanted.length);
      const mark = el("mark");
      hit.replaceWith(mark);
      mark.append(hit);
      found.push(mark);
      place = rest.data.toLocaleLowerCase().indexOf(wanted);
    }
  }
  return found;
}

// -- download

export function saveAsText(messages) {
  const lines = messages.map((message) => {
    const at = message.at ? new Date(message.at) : new Date();
    const who = message.from === "customer" ? t("chat.you") : message.name || t("chat.bot");
    const files = (message.files ?? []).map((file) => `[${file.name}]`).join(" ");
    return `${day(at)} ${clock(at)}  ${who}: ${[message.text, files].filter(Boolean).join(" ")}`;
  });
  const url = URL.createObjectURL(new Blob([`${config.company}\n\n${lines.join("\n")}\n`], { type: "text/plain" }));
  const link = el("a", { href: url, download: `${config.company}.txt` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
