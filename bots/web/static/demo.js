// The demo page: become a staff member with one press, choose a phone or window, say a sample.
import { byId, toast } from "./chat/ui.js";
import { t } from "./chat/words.js";

const csrf = document.querySelector("meta[name=csrf]").content;
const people = [...document.querySelectorAll("[data-login]")];
const main = document.querySelector(".demo-main");
const NEWS_MS = 6000;
let newsTimer = 0;

async function become(button) {
  const answer = await fetch("/demo/login", {
    method: "POST",
    headers: { "X-CSRF-Token": csrf },
    body: new URLSearchParams({ login: button.dataset.login }),
  }).catch(() => null);
  if (!answer?.ok) {
    toast(t("demo.login_failed"));
    return;
  }
  for (const other of people) other.setAttribute("aria-pressed", String(other === button));
  document.querySelector(".demo-more")?.removeAttribute("open");
  byId("signed").textContent = t("demo.signed_in", { name: button.dataset.name });
  byId("desk").src = "/desk";
}

function news() {
  clearTimeout(newsTimer);
  byId("news").textContent = `✓ ${t("demo.arrived")}`;
  byId("tab-news").hidden = main.dataset.shown === "staff";
  newsTimer = setTimeout(() => (byId("news").textContent = ""), NEWS_MS);
}

// -- tabs: arrow keys go round, the chosen one is shown

function tablist(tabs, choose) {
  const pick = (tab, focus) => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
    }
    if (focus) tab.focus();
    choose(tab);
  };
  for (const [at, tab] of tabs.entries()) {
    tab.addEventListener("click", () => pick(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) pick(tabs[(at + step + tabs.length) % tabs.length], true);
    });
  }
  return pick;
}

const panes = [byId("tab-customer"), byId("tab-staff")];
const showPane = tablist(panes, (tab) => {
  main.dataset.shown = tab.getAttribute("aria-controls");
  if (main.dataset.shown === "staff") byId("tab-news").hidden = true;
});

function showFrame(frames, name, key) {
  for (const frame of frames) {
    const chosen = frame.dataset[key] === name;
    if (chosen && frame.dataset.src && !frame.getAttribute("src")) frame.src = frame.dataset.src;
    frame.hidden = !chosen;
  }
}

function seen(tab) {
  const dot = tab.querySelector(".demo-dot");
  if (dot) dot.hidden = true;
}

const phones = [...document.querySelectorAll("iframe[data-channel]")];
const samples = [...document.querySelectorAll("button[data-say]")];
let channel = "web";
tablist([...document.querySelectorAll("button[data-channel][role=tab]")], (tab) => {
  channel = tab.dataset.channel;
  showFrame(phones, channel, "channel");
  for (const sample of samples) sample.hidden = sample.dataset.channel !== channel;
  document.querySelector(".demo-say").hidden = !samples.some((sample) => !sample.hidden);
  seen(tab);
});

const windows = [...document.querySelectorAll("iframe[data-window]")];
tablist([...document.querySelectorAll("button[data-window]")], (tab) => {
  const name = tab.dataset.window;
  showFrame(windows, name, "window");
  const frame = windows.find((one) => one.dataset.window === name);
  const url = frame.dataset.src ?? "/desk";
  byId("place").textContent = name === "desk" ? "/desk" : new URL(url).host;
  byId("apart").href = url;
  seen(tab);
});

for (const sample of samples) {
  sample.addEventListener("click", () => {
    showPane(panes[0]);
    const frame = phones.find((one) => one.dataset.channel === channel);
    const { say: text } = sample.dataset;
    if (channel === "web") frame.contentWindow.postMessage({ type: "dangol:say", text }, location.origin);
    else frame.contentWindow.postMessage({ dangol: "say", text }, frame.dataset.origin);
  });
}

addEventListener("message", (event) => {
  if (event.origin === location.origin && event.data?.type === "dangol:stored") news();
  const frame = [...phones, ...windows].find((one) => one.contentWindow === event.source);
  if (!frame?.dataset.origin || event.origin !== frame.dataset.origin) return;
  if (event.data?.dangol === "said") news();
  if (event.data?.dangol === "news" && frame.hidden) {
    const dot = document.querySelector(`#tab-${frame.dataset.channel ?? frame.dataset.window} .demo-dot`);
    if (dot) dot.hidden = false;
  }
});

for (const button of people) button.addEventListener("click", () => become(button));
if (people.length) become(people[0]);
