// The board: cards move by drag or by M, and follow what others do.

import { act, fragment } from "./api.js";
import { bind } from "./keys.js";
import * as live from "./live.js";
import * as menu from "./menu.js";
import { merge } from "./merge.js";
import { askReason } from "./reason.js";
import { failed, said } from "./toast.js";

const board = document.querySelector("[data-board]");
const filters = document.querySelector("[data-filters]");
const body = document.querySelector("[data-rows]");

filters.addEventListener("change", (event) => event.target.matches("select, [type=date]") && filters.requestSubmit());

let timer = 0;
function refresh() {
  timer ||= setTimeout(() => {
    timer = 0;
    load();
  }, 250);
}

async function load() {
  const content = await fragment(location.pathname + location.search, board ? "board" : "list").catch(() => null);
  if (!content) return;
  if (!board) {
    const holder = document.createElement("table");
    holder.append(content);
    merge(body, holder.tBodies[0] ?? holder);
    return;
  }
  for (const fresh of content.querySelectorAll(".column")) {
    const old = board.querySelector(`.column[data-key="${fresh.dataset.key}"]`);
    if (!old || old.classList.contains("is-folded")) old?.replaceWith(fresh);
    else {
      old.querySelector(".count").textContent = fresh.querySelector(".count").textContent;
      merge(old.querySelector("[data-cards]"), fresh.querySelector("[data-cards]"));
    }
  }
}

/** Move a card; some moves ask for a reason first. */
async function move(card, status) {
  if (!card || card.dataset.status === status) return;
  const { number, version, request } = card.dataset;
  const reason = await askReason(card.dataset.status, status, number);
  if (reason === null) return;
  try {
    const moved = await act("request_status", { request: Number(request), status, reason, version: Number(version) });
    said(moved, refresh);
    card = board.querySelector(`[data-number="${number}"]`) ?? card; // others' news may have put a new one there
    Object.assign(card.dataset, { status: moved.status, version: moved.version, next: moved.next.join(" ") });
    const target = board.querySelector(`.column[data-status="${status}"] [data-cards]`);
    target?.prepend(card);
    card.querySelector("a").focus();
  } catch (error) {
    failed(error);
  }
  refresh();
}

const allowed = (card) => card.dataset.next.split(" ").filter(Boolean);

// drag and drop
let dragged = null;
board?.addEventListener("dragstart", (event) => {
  dragged = event.target.closest(".request-card");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.dataset.number);
  dragged.classList.add("is-dragged");
  for (const column of board.querySelectorAll(".column:not(.is-folded)")) {
    column.querySelector(".drop-here").hidden = !allowed(dragged).includes(column.dataset.status);
  }
});
board?.addEventListener("dragend", () => {
  dragged?.classList.remove("is-dragged");
  dragged = null;
  board.querySelectorAll(".drop-here").forEach((place) => (place.hidden = true));
});
board?.addEventListener("dragover", (event) => {
  const column = event.target.closest(".column");
  if (dragged && column && allowed(dragged).includes(column.dataset.status)) event.preventDefault();
});
board?.addEventListener("drop", (event) => {
  const column = event.target.closest(".column");
  if (!dragged || !column) return;
  event.preventDefault();
  move(dragged, column.dataset.status);
});

// by keyboard: J and K within a column, arrows between them, M moves
const focused = () => document.activeElement?.closest?.(".request-card");
function step(by) {
  const cards = [...(focused()?.closest("[data-cards]") ?? board).querySelectorAll(".card-link")];
  const at = cards.indexOf(document.activeElement);
  cards[Math.max(0, Math.min(cards.length - 1, at + by))]?.focus();
}
function across(by) {
  const columns = [...board.querySelectorAll("[data-cards]")].filter((list) => list.querySelector(".card-link"));
  const list = focused()?.closest("[data-cards]");
  const at = columns.indexOf(list);
  const place = list ? [...list.children].indexOf(focused()) : 0;
  const next = columns[Math.max(0, Math.min(columns.length - 1, at + by))];
  const links = next?.querySelectorAll(".card-link") ?? [];
  links[Math.min(place, links.length - 1)]?.focus();
}
if (board) {
  bind("j", () => step(1));
  bind("k", () => step(-1));
  bind("arrowdown", () => step(1));
  bind("arrowup", () => step(-1));
  bind("arrowright", () => across(1));
  bind("arrowleft", () => across(-1));
  bind("m", () => {
    const card = focused();
    if (!card) return false;
    const link = card.querySelector("a");
    menu.show(link, "move", (box) => {
      for (const item of box.querySelectorAll("[data-status]")) item.hidden = !allowed(card).includes(item.dataset.status);
    });
    return true;
  });
}
document.addEventListener("choose", ({ target, detail: { item, name } }) => {
  if (name === "move") move(target.closest(".request-card"), item.dataset.status);
});

document.addEventListener("click", async (event) => {
  const more = event.target.closest("[data-column-more], [data-rows-more]");
  if (!more) return;
  more.setAttribute("aria-busy", "true");
  const column = more.closest(".column");
  const query = new URLSearchParams(location.search);
  query.set("after", more.dataset.columnMore ?? more.dataset.rowsMore);
  const path = column ? `/desk/requests/column/${column.dataset.status}` : location.pathname;
  try {
    const content = await fragment(`${path}?${query}`, "list");
    more.closest("li, tr").replaceWith(content);
  } catch (error) {
    failed(error);
  }
});

live.on("happened", (event) => event.kind.startsWith("request.") && refresh());
live.on("online", ({ again }) => again && refresh());
