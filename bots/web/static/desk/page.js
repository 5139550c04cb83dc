// Pages with forms: sheets that open, selects that act, contacts that are picked, phones that are dialled.

import { act, fragment, post, read, word } from "./api.js";
import { ask, openForm } from "./dialog.js";
import { guard } from "./forms.js";
import * as live from "./live.js";
import { failed, said } from "./toast.js";
import { perform } from "./side.js";

const main = document.getElementById("main");

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open).showModal();
  const doing = event.target.closest("[data-act-button]");
  if (doing) doButton(doing);
});

async function doButton(button) {
  const args = JSON.parse(button.dataset.args ?? "{}");
  const sure = button.dataset.confirm;
  if (sure && !(await ask({ title: sure, yes: button.dataset.yes ?? button.textContent.trim() }))) return;
  try {
    said(await act(button.dataset.actButton, args), () => location.reload());
    if (button.dataset.reload !== undefined) setTimeout(() => location.reload(), 600);
  } catch (error) {
    failed(error);
  }
}

document.addEventListener("change", async ({ target }) => {
  const request = Number(target.dataset.requestPriority ?? 0);
  if (!request) return;
  try {
    said(await act("request_priority", { request, priority: target.value }), () => location.reload());
  } catch (error) {
    failed(error);
  }
});
document.addEventListener("renew", () => main.dataset.request && setTimeout(() => location.reload(), 700));

// finding a contact for a new request or callback
let timer = 0;
document.addEventListener("input", (event) => {
  const form = event.target.closest("[data-pick-contact]");
  if (!form) return;
  clearTimeout(timer);
  timer = setTimeout(() => find(form, event.target.value.trim()), 200);
});
async function find(form, text) {
  const list = form.querySelector(".pick-list");
  if (!text) return list.replaceChildren();
  const { items } = await read(`contacts?q=${encodeURIComponent(text)}`).catch(() => ({ items: [] }));
  list.replaceChildren(...items.map((item) => row(form, item)));
  if (!items.length) list.textContent = word("pick.none");
  return undefined;
}
function row(form, item) {
  const li = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  const name = document.createElement("b");
  name.textContent = item.name;
  const about = document.createElement("span");
  about.className = "muted";
  about.textContent = item.about;
  button.append(name, about);
  button.addEventListener("click", () => {
    document.getElementById("form-sheet").close();
    openForm(`${form.dataset.then}?contact=${item.id}`);
  });
  li.append(button);
  return li;
}

// dialling: the number is revealed (and that is recorded) when the call is made
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-call]");
  if (!button) return;
  try {
    const { value } = await act("callback_reveal", { callback: Number(button.dataset.call) });
    const link = document.createElement("a");
    link.className = button.className;
    link.href = `tel:${value.replace(/[^+\d]/g, "")}`;
    link.textContent = value;
    button.replaceWith(link);
    link.click();
  } catch (error) {
    failed(error);
  }
});
document.addEventListener("change", async ({ target }) => {
  if (!target.dataset.callbackStaff) return;
  const staff = target.value ? Number(target.value) : null;
  try {
    said(await act("callback_assign", { callback: Number(target.dataset.callbackStaff), staff }));
  } catch (error) {
    failed(error);
  }
});

// lists that search while typing and grow on demand
const rows = document.querySelector("[data-rows]");
async function rowsOf(query) {
  return fragment(`${location.pathname}?${query}`, "list");
}
document.querySelector("[data-live-search]")?.addEventListener("input", ({ target }) => {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const query = new URLSearchParams(target.value ? { q: target.value } : {});
    history.replaceState(null, "", `${location.pathname}?${query}`);
    rows.replaceChildren(await rowsOf(query).catch(() => ""));
  }, 220);
});
document.addEventListener("click", async (event) => {
  const more = event.target.closest("[data-more-rows], [data-more-timeline]");
  if (!more) return;
  const line = more.closest("tr, li");
  const timeline = more.dataset.moreTimeline;
  const query = new URLSearchParams(location.search);
  query.set(timeline ? "before" : "after", timeline ?? more.dataset.moreRows);
  try {
    line.replaceWith(await fragment(`${location.pathname}?${query}`, timeline ? "timeline" : "list"));
  } catch (error) {
    failed(error);
  }
});
document.querySelector("form[data-auto]")?.addEventListener("change", ({ currentTarget }) => currentTarget.requestSubmit());

// contact page
document.addEventListener("choose", async ({ detail: { item } }) => {
  const contact = Number(main.dataset.contact ?? 0);
  if (!contact || !item.dataset.contactLabel) return;
  const name = item.getAttribute("aria-checked") === "true" ? "contact_unlabel" : "contact_label";
  if (await perform(name, { contact, label: Number(item.dataset.contactLabel) })) location.reload();
});
document.addEventListener("click", async (event) => {
  if (!event.target.closest("[data-block]")) return;
  const sure = await ask({ title: word("block.title"), text: word("block.text"), yes: word("block.yes") });
  if (sure && (await perform("contact_block", { contact: Number(main.dataset.contact) }))) location.reload();
});

// the article's preview
const source = document.querySelector("[data-preview-of]");
source?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const shown = await post("preview", { body: source.value }).catch(() => null);
    if (shown) document.querySelector("[data-preview]").innerHTML = shown.html;
  }, 300);
});

document.querySelectorAll("form[data-guard]").forEach(guard);
document.querySelector(".admin-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
const watched = main?.dataset.watch;
if (watched) {
  let again = 0;
  live.on("happened", (event) => {
    if (!event.kind.startsWith(watched) || document.querySelector("dialog[open]")) return;
    clearTimeout(again);
    again = setTimeout(() => location.reload(), 1200);
  });
}
