// Cards of a message: one question of a form, a summary, a service request, an article, a rating, a link.
import { el, icon } from "./ui.js";
import { t } from "./words.js";

export function build(card, press) {
  const make = { form, summary, request, article, rating, notice, link }[card.type];
  return make ? make(card, press) : null;
}

// Whether the card says all that the text says, so that the text need not stand above it.
export function covers(card, text) {
  if (card.type === "request") return Boolean(card.title);
  if (card.type === "rating" || card.type === "article") return false;
  const said = [card.title, card.hint, card.text, ...(card.facts ?? []).flatMap((fact) => [fact.label, fact.value])];
  let rest = text;
  for (const words of said.filter(Boolean).sort((a, b) => b.length - a.length)) rest = rest.split(words).join(" ");
  return rest.replace(/[\s:·.,\-–—]/g, "") === "";
}

// The card without the words that the text above it says.
export function unsaid(card, text) {
  return card.type === "article" && card.quote && text?.includes(card.quote) ? { ...card, quote: "" } : card;
}

function pane(...children) {
  return el("article", { class: "pane" }, ...children);
}

function body(...children) {
  return el("div", { class: "pane-body" }, ...children);
}

function form(card, press) {
  const bar = Array.from({ length: card.of }, (_, at) => el("i", { class: at < card.step ? "on" : "" }));
  const top =
    card.of > 1 &&
    el(
      "div",
      { class: "form-top" },
      el(
        "div",
        { class: "form-bar", role: "img", "aria-label": t("chat.form.progress", { step: card.step, of: card.of }) },
        ...bar,
      ),
      el("span", {}, t("chat.form.step", { step: card.step, of: card.of, name: card.name ?? "" })),
    );
  const rows = (card.chips ?? []).filter((row) => row.length).map((row) => chipRow(row, press));
  return pane(body(top, el("h2", {}, card.title), card.hint && el("p", { class: "pane-hint" }, card.hint), ...rows));
}

function chipRow(row, press) {
  const wide = row.some((chip) => chip.label.length > 8);
  const tall = row.some((chip) => chip.sub);
  return el(
    "div",
    { class: `chips${wide ? " chips--wide" : ""}`, role: "group" },
    ...row.map((chip) =>
      el(
        "button",
        {
          type: "button",
          class: `date-chip${tall ? " date-chip--tall" : ""}${chip.disabled ? " date-chip--closed" : ""}`,
          "aria-pressed": chip.selected ? "true" : "false",
          "aria-label": chip.full ? [chip.full, chip.disabled && chip.sub].filter(Boolean).join(", ") : false,
          disabled: Boolean(chip.disabled || !chip.value),
          "data-once": true,
          onclick: (event) => press(chip, event.currentTarget),
        },
        chip.sub && el("small", {}, chip.sub),
        el("span", {}, chip.label),
      ),
    ),
  );
}

function facts(list, first = false) {
  return el(
    "dl",
    { class: `facts${first ? " facts--first" : ""}` },
    ...list.flatMap((fact, at) => [
      el("dt", {}, fact.label),
      el("dd", { class: fact.strong || at === list.length - 1 ? "strong" : "" }, fact.value),
    ]),
  );
}

function summary(card) {
  return pane(body(el("h2", {}, card.title), facts(card.facts, true)));
}

function stepIcon(card, at) {
  const now = card.step - 1;
  if (at < now || card.step === card.steps.length) return "status-resolved";
  return at === now ? "status-assigned" : "status-received";
}

const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);

function request(card, press) {
  const done = card.step === card.steps.length;
  const steps = card.steps.map((label, at) => {
    const state = done || at < card.step - 1 ? "done" : at === card.step - 1 ? "now" : "";
    return el(
      "li",
      { class: state, "aria-current": state === "now" ? "step" : false },
      icon(stepIcon(card, at)),
      label,
    );
  });
  const status = el("span", { class: `status status--${card.status}` }, icon(`status-${card.status}`), capital(card.status_label));
  const inner = body(
    el("div", { class: "request-top" }, el("span", {}, card.title || t("chat.request.label", { number: "" }).trim()), status),
    el("div", { class: "request-no" }, card.number),
    card.step > 0 && el("ol", { class: "steps" }, ...steps),
    el("hr", { class: "divider" }),
    facts(card.facts),
  );
  inner.classList.add("pane-body--request");
  const made = pane(inner, actions(card.actions, press));
  made.setAttribute("aria-label", t("chat.request.label", { number: card.number }));
  return made;
}

function actions(list, press) {
  if (!list?.length) return null;
  return el(
    "div",
    { class: "pane-actions" },
    ...list.map((action, at) =>
      el(
        "button",
        {
          type: "button",
          class: action.style === "quiet" || (list.length > 2 && at === list.length - 1) ? "quiet" : "",
          onclick: (event) => press(action, event.currentTarget),
        },
        action.label,
      ),
    ),
  );
}

function article(card) {
  return pane(
    body(el("h2", {}, card.title), card.quote && el("blockquote", {}, card.quote)),
    card.url &&
      el(
        "div",
        { class: "pane-actions" },
        el("a", { href: card.url, target: "_blank", rel: "noopener" }, card.label || t("chat.article.read")),
      ),
  );
}

function rating(card, press) {
  const list = card.scores ?? card.choices ?? [];
  const stars = list.map((score, at) =>
    el(
      "button",
      {
        type: "button",
        "aria-label": score.label.length > 2 ? score.label : t("chat.rating.score", { n: at + 1 }),
        "data-once": true,
        onclick: (event) => {
          stars.forEach((star, place) => star.classList.toggle("on", place <= at));
          press(score, event.currentTarget);
        },
      },
      icon("star"),
    ),
  );
  return pane(body(card.title && el("h2", {}, card.title), el("div", { class: "stars", role: "group" }, ...stars)));
}

function notice(card) {
  return pane(
    body(el("p", {}, card.text), card.url && el("a", { class: "link", href: card.url, target: "_blank", rel: "noopener" }, card.label)),
  );
}

function link(card) {
  return pane(
    body(
      el("h2", { class: "pane-title" }, card.icon && icon(card.icon), card.title),
      card.text && el("p", { class: "pane-hint" }, card.text),
      el("a", { class: "btn btn--primary btn--block", href: card.url, target: "_blank", rel: "noopener" }, card.label),
    ),
  );
}
