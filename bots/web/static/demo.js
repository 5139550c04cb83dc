// The demo page: become a staff member with one press, say a sample, switch panes on a small screen.
import { byId, toast } from "./chat/ui.js";
import { t } from "./chat/words.js";

const csrf = document.querySelector("meta[name=csrf]").content;
const people = [...document.querySelectorAll("[data-login]")];
const main = document.querySelector(".demo-main");
const tabs = { customer: byId("tab-customer"), staff: byId("tab-staff") };
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

function show(pane) {
  main.dataset.shown = pane;
  for (const [name, tab] of Object.entries(tabs)) {
    tab.setAttribute("aria-selected", String(name === pane));
    tab.tabIndex = name === pane ? 0 : -1;
  }
  if (pane === "staff") byId("tab-news").hidden = true;
}

function news() {
  clearTimeout(newsTimer);
  byId("news").textContent = `✓ ${t("demo.arrived")}`;
  byId("tab-news").hidden = main.dataset.shown === "staff";
  newsTimer = setTimeout(() => (byId("news").textContent = ""), NEWS_MS);
}

for (const button of people) button.addEventListener("click", () => become(button));
for (const button of document.querySelectorAll("[data-say]")) {
  button.addEventListener("click", () => {
    show("customer");
    byId("chat").contentWindow.postMessage({ type: "dangol:say", text: button.dataset.say }, location.origin);
  });
}
for (const [name, tab] of Object.entries(tabs)) {
  tab.addEventListener("click", () => show(name));
  tab.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = name === "customer" ? "staff" : "customer";
    show(other);
    tabs[other].focus();
  });
}
addEventListener("message", (event) => {
  if (event.origin === location.origin && event.data?.type === "dangol:stored") news();
});
if (people.length) become(people[0]);
