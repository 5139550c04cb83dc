// The list of messages: groups by sender, days, ticks, cards that are updated in place, the pill.
import { build, covers, unsaid } from "./cards.js";
import { announce, byId, el, icon, linked } from "./ui.js";
import { clock, day, dayKey, initials, size, t, tint } from "./words.js";

const GROUP_MS = 5 * 60 * 1000;
const NEAR_PX = 90;

export class Log {
  constructor({ press, retry }) {
    this.press = press;
    this.retry = retry;
    this.list = byId("log");
    this.scroller = byId("scroll");
    this.pill = byId("pill");
    this.keys = new Set();
    this.mine = new Map();
    this.requests = new Map();
    this.unread = 0;
    this.last = null;
    this.newer = null; // while older messages are put above: the requests whose newer state is shown below
    this.said = ""; // the time that the newest message shows: the same minute is not written twice
    this.scroller.addEventListener("scroll", () => this.near() && this.clearPill(), { passive: true });
    this.pill.addEventListener("click", () => this.toEnd(true));
  }

  near() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  toEnd(smooth = false) {
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth ? "smooth" : "auto" });
    this.clearPill();
  }

  clearPill() {
    this.unread = 0;
    this.pill.hidden = true;
  }

  // Away with the greeting of an empty page, before what was said earlier is put there.
  clear() {
    this.list.replaceChildren();
    Object.assign(this, { last: null, said: "" });
    this.keys.clear();
    this.requests.clear();
    this.mine.clear();
  }

  // Keep the newest in sight while `change` adds something, unless the reader is further up.
  keeping(change, { own = false, quiet = false } = {}) {
    if (this.newer) return change();
    const near = this.near();
    change();
    if (near || own) this.toEnd();
    else if (!quiet) {
      this.unread += 1;
      this.pill.replaceChildren(icon("arrow-down"), t("chat.new", { n: this.unread }));
      this.pill.hidden = false;
    }
    return undefined;
  }

  // What `put` adds is older than everything here: it goes to the top, and the reader's place stays.
  above(put) {
    const { list, last, said } = this;
    const older = el("div");
    Object.assign(this, { list: older, last: null, said: "", newer: new Set(this.requests.keys()) });
    try {
      put();
      this.settleCards();
    } finally {
      Object.assign(this, { list, last, said, newer: null });
    }
    const [next, before] = [list.querySelector(".chat-day"), [...older.querySelectorAll(".chat-day")].at(-1)];
    if (before && next?.textContent === before.textContent) next.remove();
    const below = this.scroller.scrollHeight - this.scroller.scrollTop;
    list.prepend(...older.childNodes);
    this.scroller.scrollTop = this.scroller.scrollHeight - below;
  }

  group(side, name, at) {
    const key = dayKey(at);
    if (this.last?.day !== key) {
      this.list.append(el("div", { class: "chat-day" }, day(at)));
      this.last = { day: key };
    }
    if (this.last.side !== side || this.last.name !== name || at - this.last.at > GROUP_MS) {
      const node = el("div", { class: `group group--${side === "mine" ? "mine" : "them"}` });
      if (side === "staff") node.append(el("div", { class: "group-name" }, `${name} · ${t("chat.staff_role")}`));
      node.append(side === "mine" ? el("span", { class: "sr" }, t("chat.me")) : avatar(side, name));
      this.list.append(node);
      this.last = { day: key, side, name, node, meta: null };
    }
    this.last.at = at;
    return this.last;
  }

  // A message of the bot or of staff. Returns false when it is already here.
  theirs(message, { old = false } = {}) {
    if (this.keys.has(message.key)) return false;
    this.keys.add(message.key);
    this.settleCards();
    const at = message.at ? new Date(message.at) : new Date();
    const near = this.near();
    this.keeping(() => this.putTheirs(message, at, old), { quiet: old });
    return near;
  }

  putTheirs(message, at, old) {
    const group = this.group(message.from === "staff" ? "staff" : "bot", message.name, at);
    const shown = [];
    let covered = false;
    for (const card of message.cards ?? []) {
      if (card.type === "request" && this.newer?.has(card.number)) continue;
      if (card.type === "request" && this.requests.has(card.number)) {
        this.renew(card, old);
        continue;
      }
      const pane = build(unsaid(card, message.text), this.press);
      if (!pane) continue;
      if (card.type === "request") this.requests.set(card.number, { pane, title: card.title });
      covered ||= covers(card, message.text);
      shown.push(el("div", { class: "msg" }, el("div", { class: `msg-card msg-card--${card.type}` }, pane)));
    }
    if (message.text && !covered) shown.unshift(this.bubble(message, "bubble", at, group));
    for (const file of message.files ?? []) shown.push(el("div", { class: "msg" }, attachment(file, message.name, at)));
    for (const node of shown) {
      node.lang = message.lang || document.documentElement.lang;
      if (!old) node.classList.add("msg--new");
      group.node.append(node);
    }
  }

  bubble(message, kind, at, group) {
    const meta = el("span", { class: "msg-meta" }, el("time", { datetime: at.toISOString() }, clock(at)));
    if (group.meta) group.meta.remove();
    group.meta = meta;
    if (this.said === clock(at)) meta.classList.add("sr");
    this.said = clock(at);
    return el("div", { class: "msg" }, el("div", { class: kind }, ...linked(message.text)), meta);
  }

  // A newer state of a request takes the place of the older card.
  renew(card, old) {
    const before = this.requests.get(card.number);
    const underway = card.step > 0 && card.step < card.steps.length;
    const now = build({ ...card, title: card.title || (underway ? before.title : "") }, this.press);
    before.pane.replaceWith(now);
    this.requests.set(card.number, { pane: now, title: before.title });
    if (!old) announce(t("chat.request.updated", { number: card.number, status: card.status_label }));
  }

  // Questions that a newer message follows can no longer be answered by pressing.
  settleCards() {
    for (const button of this.list.querySelectorAll("[data-once]:not(:disabled)")) button.disabled = true;
  }

  // The customer's own message. `state`: sending, stored, seen, failed.
  own({ id, text, files = [], at = new Date(), state = "sending", seq = 0 }, { old = false } = {}) {
    if (this.mine.has(id)) return this.mark(id, state);
    this.keeping(
      () => {
        const group = this.group("mine", "", at);
        const nodes = files.map((file) => attachment(file, "", at));
        if (text) nodes.push(el("div", { class: "bubble bubble--mine" }, ...linked(text)));
        const rows = nodes.map((node) => el("div", { class: `msg msg--mine${old ? "" : " msg--new"}` }, node));
        group.node.append(...rows);
        const row = rows.at(-1);
        const meta = el("span", { class: "msg-meta", "aria-live": "off" }); // ticks are there to be found, not told
        row.append(meta);
        this.said = clock(at);
        this.mine.set(id, { meta, row, at, group, bubble: nodes.at(-1), seq, text, files });
        this.mark(id, state);
      },
      { own: !old },
    );
    return undefined;
  }

  mark(id, state) {
    const own = this.mine.get(id);
    if (!own || (own.state === "seen" && state === "stored")) return;
    own.state = state;
    own.bubble.classList.toggle("bubble--sending", state === "sending");
    own.bubble.classList.toggle("bubble--failed", state === "failed");
    own.meta.replaceChildren(ticks(own, state, () => this.retry(id)));
    this.tidyMeta(own);
  }

  // Only the newest message of a group says when; trouble is always said.
  tidyMeta(own) {
    const group = [...this.mine.values()].filter((other) => other.group === own.group);
    const newest = group.at(-1);
    for (const other of group) {
      other.meta.hidden = other !== newest && (other.state === "seen" || other.state === newest.state) && other.state !== "failed";
    }
  }

  // Everything of one's own up to `seq` has been read by a person.
  seenUpTo(seq) {
    for (const [id, own] of this.mine) if (own.seq && own.seq <= seq) this.mark(id, "seen");
  }

  event(text, name = "user") {
    this.keeping(
      () => {
        this.list.append(el("div", { class: "chat-event" }, el("span", { class: "event-line" }, icon(name), text)));
        this.last = this.last ? { day: this.last.day } : null;
      },
      { quiet: true },
    );
  }
}

function avatar(side, name) {
  if (side === "bot") return el("span", { class: "avatar avatar--bot", role: "img", "aria-label": t("chat.bot") }, icon("bot"));
  return el("span", { class: `avatar avatar--${tint(name)}`, "aria-hidden": "true" }, initials(name));
}

function ticks(own, state, retry) {
  if (state === "failed") {
    return el(
      "button",
      { type: "button", class: "ticks ticks--failed", "aria-label": `${t("chat.state.failed_long")} ${t("chat.state.failed")}`, onclick: retry },
      icon("alert"),
      t("chat.state.failed"),
    );
  }
  const shape = { sending: "clock", stored: "check", seen: "checks" }[state];
  const words = state === "seen" ? `${t("chat.state.seen")} ${clock(own.at, true)}` : t(`chat.state.${state}`);
  return el("span", { class: "ticks" }, icon(shape), words);
}

function attachment(file, who, at) {
  if (file.type.startsWith("image/") && file.url) {
    const words = who ? t("chat.attach.sender_time", { name: who, time: clock(at) }) : t("chat.attach.own_time", { time: clock(at) });
    const about = file.description || words;
    const image = el("img", { src: file.url, alt: about, loading: "lazy", width: file.width, height: file.height });
    return file.url.startsWith("blob:")
      ? el("span", { class: "photo" }, image)
      : el("a", { class: "photo", href: file.url, target: "_blank", rel: "noopener" }, image);
  }
  const inner = [icon(file.type.startsWith("video/") ? "video" : "file"), el("span", {}, el("b", {}, file.name), el("small", {}, size(file.size)))];
  return file.url && !file.url.startsWith("blob:")
    ? el("a", { class: "doc", href: file.url, target: "_blank", rel: "noopener" }, ...inner)
    : el("span", { class: "doc" }, ...inner);
}

export function typingBubble(owner, name) {
  const who = owner === "staff" ? avatar("staff", name) : avatar("bot", "");
  return [who, el("span", { class: "bubble", "aria-hidden": "true" }, el("span", { class: "dots" }, el("i"), el("i"), el("i")))];
}

