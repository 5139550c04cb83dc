// A phone with a Telegram-like chat: what the stand-in's bot sent there, and what its holder does.
import { base64, clock, el, en, hear, holder, icon, linked, logo, name, pause, post, tell } from "./phone.js";

const words = en
  ? { write: "Message", send: "Send", photo: "Attach a photo", bot: "bot", start: "Start", hint: "A practice chat. Nothing leaves this machine.", me: "Demo customer" }
  : { write: "메시지", send: "보내기", photo: "사진 붙이기", bot: "봇", start: "시작", hint: "연습용 대화예요. 이 컴퓨터 밖으로 나가지 않아요.", me: "체험 고객" };
const log = document.getElementById("log");
const user = await holder(() => String(100000000 + Math.floor(Math.random() * 800000000)));
const [bot] = Object.keys(await (await fetch("/standin/state")).json());
const chat = `/standin/${bot}/${user}`;
const person = { first_name: words.me, language_code: en ? "en" : "ko" };
let start = new URLSearchParams(location.search).get("start") ?? ""; // of the address that opened the chat
let before = "";
let heard = 0;

document.getElementById("head").append(icon("back"), logo(), el("h1", {}, name, el("small", {}, words.bot)), icon("more"));
const input = el("input", { type: "text", "aria-label": words.write, placeholder: words.write, autocomplete: "off", maxlength: "4096" });
const file = el("input", { type: "file", accept: "image/*", onchange: () => sendPhoto(file.files[0]) });
document.getElementById("form").append(
  el("label", { title: words.photo, "aria-label": words.photo }, icon("clip"), file),
  input,
  el("button", { class: "send", "aria-label": words.send }, icon("send")),
);
const keys = el("div", { class: "keys" });
document.getElementById("form").after(keys);
document.getElementById("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  input.value = "";
  if (text) say(text);
});

async function say(text) {
  tell("said");
  await post(`${chat}/message`, { text, person });
  look();
}

function starts() {
  const token = start;
  start = "";
  say(token ? `/start ${token}` : "/start");
}

async function sendPhoto(photo) {
  file.value = "";
  if (!photo) return;
  tell("said");
  await post(`${chat}/message`, { photo: { base64: await base64(photo) }, person });
  look();
}

function pressable(button, message) {
  if (button.url) return el("a", { href: button.url, target: "_blank", rel: "noopener" }, button.text);
  const press = async () => {
    tell("said");
    await post(`${chat}/press`, { message_id: message.message_id, label: button.text });
    look();
  };
  return el("button", { type: "button", onclick: press }, button.text);
}

// Of the newest message of the bot that speaks of keys: those it shows, or none.
function keysOf(messages) {
  const said = messages.filter((message) => message.from.is_bot && (message.reply_markup?.keyboard || message.reply_markup?.remove_keyboard));
  const asked = said.at(-1);
  const used = asked && messages.some((message) => message.contact && message.message_id > asked.message_id);
  return used ? [] : (asked?.reply_markup.keyboard ?? []).flat();
}

function key(one) {
  const number = `8210${2 + (Number(user) % 8)}${user.slice(-7)}`;
  const share = async () => {
    tell("said");
    const contact = { phone_number: number, first_name: words.me, user_id: Number(user) };
    await post(`${chat}/message`, one.request_contact ? { contact, person } : { text: one.text, person });
    look();
  };
  return el("button", { type: "button", onclick: share }, one.text);
}

function content(message) {
  const photo = message.photo?.at(-1);
  const other = ["document", "video", "voice", "audio", "animation"].find((kind) => message[kind]);
  return [
    photo && el("img", { src: `/phone/file/${photo.file_id}`, alt: message.caption ?? words.photo }),
    other && el("a", { href: `/phone/file/${message[other].file_id}`, target: "_blank" }, message[other].file_name ?? other),
    message.contact && el("span", {}, `${message.contact.first_name} +${message.contact.phone_number}`),
    linked(message.text ?? message.caption ?? ""),
  ];
}

function shown(message) {
  const rows = message.reply_markup?.inline_keyboard ?? [];
  const time = el("time", {}, clock(message.date, false), message.from.is_bot ? "" : " ✓✓");
  return el(
    "div",
    { class: message.from.is_bot ? "message" : "message message--me" },
    el("div", { class: "bubble" }, ...content(message), time),
    rows.length > 0 && el("div", { class: "buttons" }, ...rows.map((row) => el("div", {}, ...row.map((button) => pressable(button, message))))),
  );
}

async function look() {
  const messages = await (await fetch(`${chat}/messages`)).json();
  const now = JSON.stringify(messages);
  if (now === before) return;
  before = now;
  const begin = el("button", { class: "start", type: "button", onclick: starts }, words.start);
  log.replaceChildren(el("p", { class: "hint" }, words.hint), ...messages.map(shown), messages.length && !start ? "" : begin);
  keys.replaceChildren(...keysOf(messages).map(key));
  log.scrollTop = log.scrollHeight;
  const told = messages.filter((message) => message.from.is_bot).length;
  if (told > heard) tell("news");
  heard = told;
}

hear(say);
for (;;) {
  await look().catch(() => {});
  await pause(700);
}
