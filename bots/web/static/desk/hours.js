// The week of business hours: spans a day, faults beside their day, and the bar of unsaved changes.

import { act, word } from "./api.js";
import { failed, said } from "./toast.js";

const form = document.querySelector("[data-hours]");
const bar = document.querySelector("[data-unsaved]");
const days = [...form.querySelectorAll("[data-day]")];
const spare = document.getElementById("span").content;

const minutes = (text) => {
  if (!/^\d\d:\d\d$/.test(text)) return NaN;
  const [hour, minute] = text.split(":").map(Number);
  return text === "23:59" ? 1440 : hour * 60 + minute; // the last minute stands for midnight
};
const spans = (day) =>
  [...day.querySelectorAll(".hours-span")].map((span) => {
    const [opens, closes] = span.querySelectorAll("input");
    return { opens: minutes(opens.value), closes: minutes(closes.value), inputs: [opens, closes] };
  });
const week = () => days.map((day) => spans(day).map(({ opens, closes }) => ({ opens, closes })));
let saved = JSON.stringify(week());
const first = days.map((day) => day.querySelector("[data-spans]").cloneNode(true));

/** What is wrong with a day: the reason and the inputs it concerns. */
function fault(day) {
  const all = spans(day);
  for (const span of all) {
    if (Number.isNaN(span.opens) || Number.isNaN(span.closes)) return { reason: "missing", inputs: span.inputs };
    if (span.closes <= span.opens) return { reason: "end_before_start", inputs: span.inputs };
  }
  const sorted = [...all].sort((a, b) => a.opens - b.opens);
  for (let at = 1; at < sorted.length; at += 1) {
    if (sorted[at].opens < sorted[at - 1].closes) return { reason: "overlap", inputs: sorted[at].inputs };
  }
  return null;
}

function check(day) {
  const found = fault(day);
  const line = day.querySelector("[data-day-error]");
  day.querySelectorAll("[aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
  line.hidden = !found;
  if (!found) return true;
  line.querySelector("span").textContent = word(`hours.${found.reason}`);
  found.inputs.forEach((input) => input.setAttribute("aria-invalid", "true"));
  return false;
}

function show() {
  const bad = days.filter((day) => !check(day));
  const before = JSON.parse(saved);
  const changed = week().filter((day, at) => JSON.stringify(day) !== JSON.stringify(before[at])).length;
  for (const day of days) {
    const open = spans(day).length > 0;
    day.querySelector("[data-open-day]").checked = open;
    day.querySelector(".hours-off").hidden = open;
    day.querySelector("[data-add-span]").hidden = !open;
  }
  bar.hidden = !changed;
  const fix = bad.length ? ` · ${word("hours.fix", { day: bad[0].querySelector("b").textContent })}` : "";
  bar.querySelector("[data-unsaved-text]").textContent = word("hours.unsaved", { n: changed }) + fix;
  bar.querySelector("[data-save-hours]").disabled = bad.length > 0;
}

function add(day) {
  const last = spans(day).pop();
  const copy = spare.cloneNode(true);
  const [opens, closes] = copy.querySelectorAll("input");
  if (last && last.closes < 1380) {
    opens.value = `${String(Math.floor(last.closes / 60)).padStart(2, "0")}:${String(last.closes % 60).padStart(2, "0")}`;
    closes.value = last.closes < 1080 ? "18:00" : "23:00";
  }
  day.querySelector(".hours-off").before(copy);
}

form.addEventListener("input", (event) => {
  const day = event.target.closest("[data-day]");
  if (event.target.matches("[data-open-day]")) {
    if (event.target.checked) add(day);
    else day.querySelectorAll(".hours-span").forEach((span) => span.remove());
  }
  show();
});
form.addEventListener("click", (event) => {
  const day = event.target.closest("[data-day]");
  if (event.target.closest("[data-drop-span]")) event.target.closest(".hours-span").remove();
  else if (event.target.closest("[data-add-span]")) add(day);
  else return;
  show();
});
form.addEventListener("submit", (event) => event.preventDefault());

bar.querySelector("[data-revert]").addEventListener("click", () => {
  days.forEach((day, at) => day.querySelector("[data-spans]").replaceWith(first[at].cloneNode(true)));
  show();
});
bar.querySelector("[data-save-hours]").addEventListener("click", async ({ currentTarget }) => {
  currentTarget.setAttribute("aria-busy", "true");
  try {
    const team = form.dataset.team ? Number(form.dataset.team) : null;
    said(await act("hours_save", { team, week: week() }));
    saved = JSON.stringify(week());
    show();
  } catch (error) {
    failed(error);
  } finally {
    currentTarget.removeAttribute("aria-busy");
  }
});
addEventListener("beforeunload", (event) => {
  if (!bar.hidden) event.preventDefault();
});
