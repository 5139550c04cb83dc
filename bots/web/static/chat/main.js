// The chat page put together: what is heard on the socket becomes messages, what is written goes out.
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { embedded, subjectOf, tellParent } from "./embedded.js";
import { setUpElsewhere } from "./elsewhere.js";
import { setUpLive } from "./live.js";
import { Log, typingBubble } from "./log.js";
import { saveAsText, setUpMenu, setUpSearch, useTheme } from "./menu.js";
import * as store from "./store.js";
import { upload } from "./uploads.js";
import { announce, byId, el, icon, toast } from "./ui.js";
import { config, t } from "./words.js";

const TYPING_SHOWN_MS = 7000;
const BOT_TYPING_AFTER_MS = 350;
const OFFLINE_AFTER_MS = 1200;

const tabs = "BroadcastChannel" in window ? new BroadcastChannel(`dangol-chat${config.room ? `.${config.room}` : ""}`) : null;
const uploads = new Map();
let owner = { owner: "bot", name: "" };
let started = false;
let highest = 0;
let unseen = 0;

useTheme(store.read("theme"));

const log = new Log({ press: choose, retry });
const visitor = await embedded(config);
if (config.embedded && visitor !== undefined) store.belongTo(subjectOf(visitor));
const connection = new Connection(visitor);
const composer = new Composer({
  send: say,
  sendFile,
  typing: () => connection.hint({ type: "typing" }),
});

setUpLive(connection);

// -- writing

function say(text) {
  begin();
  quicks([]);
  const id = connection.write({ type: "message", text });
  log.own({ id, text });
  tabs?.postMessage({ id, text });
}

function choose(pressable, button) {
  begin();
  quicks([]);
  if (button?.hasAttribute("data-once")) {
    log.settleCards();
    button.setAttribute("aria-pressed", "true");
  }
  const text = pressable.full || pressable.label;
  if (!pressable.value) return say(text);
  const id = connection.write({ type: "choice", value: pressable.value });
  remember(id, { type: "choice", value: pressable.value, text });
  log.own({ id, text });
  tabs?.postMessage({ id, text });
  byId("text").focus({ preventScroll: true });
  return undefined;
}

const written = new Map();
function remember(id, frame) {
  written.set(id, frame);
}

async function sendFile(item) {
  begin();
  const { id, file } = item;
  uploads.set(id, item);
  const shown = { name: file.name, type: file.type || "application/octet-stream", size: file.size, url: item.url, description: item.description };
  log.own({ id, text: item.description, files: [shown] });
  log.mark(id, "sending");
  try {
    const stored = await upload(file, connection.session);
    connection.write({ type: "file", upload: stored.upload, description: item.description }, id);
  } catch (error) {
    log.mark(id, "failed");
    toast(error.message);
    announce(error.message);
  }
}

function retry(id) {
  if (uploads.has(id)) return sendFile(uploads.get(id));
  const frame = written.get(id) ?? { type: "message", text: log.mine.get(id)?.text ?? "" };
  log.mark(id, "sending");
  connection.write(frame.type === "choice" ? { type: "choice", value: frame.value } : { type: "message", text: frame.text }, id);
  return undefined;
}

// -- hearing

connection.addEventListener("state", ({ detail }) => offline(!detail.online));
connection.addEventListener("stored", ({ detail }) => {
  log.mark(detail.id, "stored");
  const own = log.mine.get(detail.id);
  if (own) own.seq = detail.seq ?? own.seq;
  uploads.delete(detail.id);
  if (parent !== window && !config.embedded) parent.postMessage({ type: "dangol:stored" }, location.origin);
  if (owner.owner === "bot") typing("bot", "", BOT_TYPING_AFTER_MS);
});
connection.addEventListener("done", ({ detail }) => {
  if (owner.owner === "bot") log.mark(detail.id, "seen");
  if (shownTyping === "bot") noTyping();
});
connection.addEventListener("delivered", ({ detail }) => log.mark(detail.key, "seen"));
connection.addEventListener("typing", () => owner.owner === "staff" && typing("staff", owner.name));
connection.addEventListener("owner", ({ detail }) => speaker(detail));
// A visitor whom the site knows may have talked on another device: that stands above what comes now.
let recalled = Promise.resolve();
connection.addEventListener("welcome", ({ detail }) => {
  if (!started && detail.seq) recalled = recall();
});
connection.addEventListener("message", ({ detail }) => recalled.then(() => hear(detail)));
connection.addEventListener("error", ({ detail }) => {
  if (detail.id) {
    log.mark(detail.id, "failed");
    noTyping();
  }
  if (detail.text) {
    toast(detail.text);
    announce(detail.text);
  }
});

function hear(message) {
  begin();
  highest = Math.max(highest, message.seq);
  if (message.from === "staff" || !connection.queue.length) noTyping();
  if (!log.keys.has(message.key)) {
    if (message.in_reply_to) log.mark(message.in_reply_to, "seen");
    if (message.from === "staff") log.seenUpTo(message.seq);
    put(message);
    quicks(message.choices ?? [], (message.cards ?? []).length > 0);
    if (document.hidden) nudge();
  }
  reportSeen();
}

// Who joins is said once, by a line between the bubbles: by this message, unless the line stands there already.
function put(message, old = false) {
  if (message.notice !== "taken_over") return log.theirs(message, { old });
  if (log.keys.has(message.key)) return false;
  log.keys.add(message.key);
  if (!joined || old) log.event(message.text.replace(/\.$/, ""));
  if (!old) joined = false;
  return true;
}
let joined = false;

function speaker(next) {
  const changed = next.owner !== owner.owner || next.name !== owner.name;
  const before = owner;
  owner = next;
  const words =
    next.owner === "bot" ? t("chat.who.bot") : next.name ? t("chat.who.staff", { name: next.name }) : t("chat.who.queue");
  byId("who-text").textContent = words;
  if (!changed || !spoken) {
    spoken = true;
    return;
  }
  noTyping();
  joined = next.owner === "staff" && Boolean(next.name);
  if (joined) log.event(t("chat.joined", { name: next.name }));
  else if (next.owner === "staff") log.event(t("chat.waiting_person"));
  else if (before.owner === "staff") log.event(t("chat.back_to_bot"), "bot");
}
let spoken = false;

// -- quick replies: below the newest message only

function quicks(choices, atEnd = false) {
  const place = byId("quicks");
  const change = () => {
    place.classList.toggle("chat-quicks--end", atEnd);
    place.replaceChildren(
      ...choices.map((choice) =>
        el(
          "button",
          { type: "button", class: `quick${choice.style === "primary" ? " quick--primary" : ""}`, onclick: () => choose(choice) },
          choice.icon && icon(choice.icon),
          choice.label,
        ),
      ),
    );
  };
  log.keeping(change, { quiet: true });
}

function starters() {
  const list = [["repair", "wrench"], ["check", "request"], ["usage", "book"], ["buy", "tag"], ["person", "user"]];
  quicks(list.map(([key, name]) => ({ label: t(`chat.start.${key}`), icon: name })));
}

// -- the start screen, replaced by one line once the conversation has begun

function greet() {
  log.theirs({ key: "hello", seq: 0, from: "bot", name: "", text: t("chat.start.hello", { company: config.company }), at: new Date().toISOString() }, { old: true });
  starters();
  byId("scroll").scrollTop = 0;
}

function begin() {
  if (started) return;
  started = true;
  byId("notice").hidden = true;
  byId("privacy-line").hidden = false;
  byId("start").classList.add("chat-start--gone");
}

byId("notice-close").addEventListener("click", () => {
  byId("notice").hidden = true;
  store.write("notice", true);
  byId("text").focus();
});

// -- typing, seen, offline

let typingTimer = 0;
let shownTyping = "";
function typing(who, name, after = 0) {
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => {
    shownTyping = who;
    log.keeping(
      () => {
        byId("typing").replaceChildren(...typingBubble(who, name));
        byId("typing").hidden = false;
      },
      { quiet: true },
    );
    typingTimer = setTimeout(noTyping, TYPING_SHOWN_MS);
  }, after);
}

function noTyping() {
  clearTimeout(typingTimer);
  shownTyping = "";
  byId("typing").hidden = true;
}

let seenTimer = 0;
let reported = 0;
function reportSeen() {
  clearTimeout(seenTimer);
  seenTimer = setTimeout(() => {
    if (document.hidden || highest <= reported || !connection.ready) return;
    reported = highest;
    connection.hint({ type: "seen", seq: highest });
  }, 300);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unseen = 0;
  document.title = document.title.replace(/^\(\d+\) /, "");
  tellParent("unread", 0);
  reportSeen();
});

function nudge() {
  unseen += 1;
  document.title = `(${unseen}) ${document.title.replace(/^\(\d+\) /, "")}`;
  tellParent("unread", unseen);
  if (store.read("sound")) beep();
}

function beep() {
  const audio = new AudioContext();
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  volume.gain.setValueAtTime(0.08, audio.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.25);
  tone.frequency.value = 880;
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.25);
}

let offlineTimer = 0;
function offline(lost) {
  clearTimeout(offlineTimer);
  if (!lost) {
    byId("band").hidden = true;
    byId("page").classList.remove("chat--offline");
    reported = 0;
    reportSeen();
    return;
  }
  offlineTimer = setTimeout(() => {
    byId("band").hidden = false;
    noTyping();
  }, OFFLINE_AFTER_MS);
}
byId("reconnect").addEventListener("click", () => connection.open());

// -- what was said before

async function earlier(before) {
  const url = new URL(config.history, location.href);
  url.searchParams.set("lang", document.documentElement.lang);
  if (before) url.searchParams.set("before", before);
  const answer = await fetch(url, { headers: { "X-Dangol-Session": connection.session }, signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function recall() {
  if (!connection.session) return;
  try {
    const { messages, read } = await earlier();
    if (!messages.length) return;
    begin();
    const meanwhile = [...log.mine]; // written while the answer was on its way: it may not know of them
    log.clear();
    byId("log").setAttribute("aria-live", "off");
    messages.forEach((message, at) => show(message, read, messages.slice(at + 1)));
    offerEarlier(messages);
    for (const [id, { text, files, at, seq, state }] of meanwhile) {
      if (!log.mine.has(id)) log.own({ id, text, files, at, seq, state });
    }
    const newest = messages.at(-1);
    if (newest.from !== "customer") quicks(newest.choices ?? [], (newest.cards ?? []).length > 0);
    log.toEnd();
    requestAnimationFrame(() => byId("log").setAttribute("aria-live", "polite"));
  } catch {
    offline(true);
  }
}

// A full page has more above it: the button asks for what lies before the oldest message shown.
let oldest = 0;

function offerEarlier(messages) {
  oldest = messages.length === config.page ? messages[0].seq : 0;
  byId("earlier").hidden = !oldest;
}

byId("earlier").addEventListener("click", async ({ target }) => {
  const button = target.closest("button");
  if (!button || button.disabled) return;
  button.disabled = true;
  byId("log").setAttribute("aria-live", "off");
  try {
    const { messages, read } = await earlier(oldest);
    log.above(() => messages.forEach((message, at) => show(message, read, [...messages.slice(at + 1), { from: "bot" }])));
    offerEarlier(messages);
    if (!oldest) byId("scroll").focus({ preventScroll: true });
  } catch {
    toast(t("chat.offline"));
  } finally {
    button.disabled = false;
    requestAnimationFrame(() => byId("log").setAttribute("aria-live", "polite"));
  }
});

function show(message, read, later) {
  if (message.from !== "customer") {
    highest = Math.max(highest, message.seq);
    put(message, true);
    return;
  }
  const seen = message.seq <= read || later.some((next) => next.from !== "customer");
  const at = new Date(message.at);
  log.own({ id: message.id, text: message.text, files: message.files, at, seq: message.seq, state: seen ? "seen" : "stored" }, { old: true });
}

function unsent() {
  for (const frame of connection.queue) {
    if (log.mine.has(frame.id)) continue;
    begin();
    log.own({ id: frame.id, text: frame.text ?? "…" });
  }
}

async function download() {
  const all = [];
  let before = 0;
  try {
    do {
      const { messages } = await earlier(before);
      all.unshift(...messages);
      before = messages.length === config.page ? messages[0].seq : 0;
    } while (before);
    saveAsText(all);
  } catch {
    toast(t("chat.offline"));
  }
}

function end() {
  for (const name of ["session", "queue", "draft"]) store.forget(name);
  location.reload();
}

// -- the keyboard of a phone: Safari lays it over the page, so the page follows the visible part

function followViewport() {
  const view = window.visualViewport;
  if (!view) return;
  const fit = () => {
    const near = log.near();
    const page = byId("page");
    page.style.height = `${view.height}px`;
    page.style.top = `${view.offsetTop}px`;
    if (near) log.toEnd();
  };
  view.addEventListener("resize", fit);
  view.addEventListener("scroll", fit);
}

// -- messages from the page around us and from the other tabs of this browser

tabs?.addEventListener("message", ({ data }) => {
  begin();
  log.own({ id: data.id, text: data.text, state: "stored" });
  quicks([]);
});
addEventListener("message", (event) => {
  const ours = event.origin === location.origin && event.source === parent && parent !== window;
  if (ours && event.data?.type === "dangol:say" && typeof event.data.text === "string") say(event.data.text.slice(0, 500));
});

setUpMenu({ download, end });
setUpElsewhere(connection);
setUpSearch();
followViewport();
await recall();
if (!started) {
  greet();
  byId("notice").hidden = Boolean(store.read("notice"));
}
unsent();
connection.open();
document.documentElement.dataset.ready = "true";
document.dispatchEvent(new Event("dangol:listens"));
byId("widget-close")?.addEventListener("click", () => tellParent("close"));
if (!started && !config.embedded && matchMedia("(pointer: fine)").matches) composer.text.focus({ preventScroll: true });
