// A phone with a KakaoTalk-like room: what the stand-in's platform shows there, and what its holder does.
import { base64, clock, el, en, hear, holder, icon, linked, logo, name, pause, post, tell } from "./phone.js";

const words = en
  ? { write: "Write a message", send: "Send", photo: "Send a photo", alimtalk: `${name} AlimTalk`, hint: "A practice room. Nothing leaves this machine.", typing: "The bot is answering" }
  : { write: "메시지 입력", send: "보내기", photo: "사진 보내기", alimtalk: `${name} 알림톡`, hint: "연습용 채팅방이에요. 이 컴퓨터 밖으로 나가지 않아요.", typing: "봇이 답하고 있어요" };
const log = document.getElementById("log");
const quicks = document.getElementById("quicks");
const user = await holder(() => `demo-${crypto.randomUUID().slice(0, 12)}`);
const room = `/standin/${user}`;
let last = 0;
let asking = 0;

document.getElementById("head").append(icon("back"), el("h1", {}, name), icon("search"), icon("menu"));
const input = el("input", { type: "text", "aria-label": words.write, placeholder: words.write, autocomplete: "off", maxlength: "1000" });
const file = el("input", { type: "file", accept: "image/*", onchange: () => sendPhoto(file.files[0]) });
document.getElementById("form").append(
  el("label", { title: words.photo, "aria-label": words.photo }, icon("plus"), file),
  input,
  el("button", { class: "send", "aria-label": words.send }, icon("up")),
);
document.getElementById("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value.trim();
  input.value = "";
  if (text) say(text);
});
log.append(el("p", { class: "hint" }, words.hint));

// -- doing

async function ask(path, body) {
  asking += 1;
  quicks.replaceChildren();
  typing();
  tell("said");
  try {
    await post(`${room}/${path}`, { ...body, lang: en ? "en" : "ko" });
  } catch {
    await pause(500);
  }
  asking -= 1;
  typing();
}

function say(text) {
  ask("say", { text });
}

async function sendPhoto(photo) {
  file.value = "";
  if (photo) ask("say", { image: await base64(photo), type: photo.type });
}

// -- showing

function typing() {
  document.querySelector(".typing")?.remove();
  if (!asking) return;
  log.append(
    el("div", { class: "row row--them typing", "aria-label": words.typing }, logo(), el("span", { class: "bubble" }, el("i"), el("i"), el("i"))),
  );
  log.scrollTop = log.scrollHeight;
}

function show(item) {
  if (item.by === "me") {
    log.append(el("div", { class: "row row--me" }, el("time", {}, clock(item.at, true)), mine(item)));
    return;
  }
  const shown = item.by === "error" ? [el("p", { class: "bubble bubble--error" }, item.text)] : item.by === "alimtalk" ? [alimtalk(item)] : item.outputs.map(component);
  const lines = shown.map((one, at) => el("div", { class: "line" }, one, at === shown.length - 1 && el("time", {}, clock(item.at, true))));
  const who = item.by === "alimtalk" ? item.sender || words.alimtalk : name;
  log.append(el("div", { class: "row row--them" }, logo(), el("div", { class: "said" }, el("span", { class: "who" }, who), ...lines)));
  quicks.replaceChildren(...(item.quickReplies ?? []).map((reply) => el("button", { type: "button", onclick: () => ask("press", { label: reply.label }) }, reply.label)));
}

function mine(item) {
  return item.image ? el("span", { class: "bubble bubble--image" }, el("img", { src: item.image, alt: words.photo })) : el("p", { class: "bubble" }, linked(item.text));
}

function component(output) {
  const [[kind, content]] = Object.entries(output);
  if (kind === "simpleText") return el("p", { class: "bubble" }, linked(content.text));
  if (kind === "simpleImage") return el("span", { class: "bubble bubble--image" }, el("img", { src: content.imageUrl, alt: content.altText ?? "" }));
  if (kind === "carousel") return el("div", { class: "carousel" }, ...content.items.map(card));
  return card(content);
}

function card(content) {
  const items = (content.itemList ?? []).flatMap((item) => [el("dt", {}, item.title), el("dd", {}, item.description)]);
  return el(
    "div",
    { class: "card" },
    el(
      "div",
      {},
      content.thumbnail && el("img", { src: content.thumbnail.imageUrl, alt: "" }),
      content.title && el("b", {}, content.title),
      content.description && el("span", { class: "text" }, content.description),
      items.length > 0 && el("dl", {}, ...items),
    ),
    ...(content.buttons ?? []).map(button),
  );
}

function button(made) {
  if (made.action === "webLink") return el("a", { href: made.webLinkUrl, target: "_blank", rel: "noopener" }, made.label);
  return el("button", { type: "button", onclick: () => ask("press", { label: made.label }) }, made.label);
}

function alimtalk(item) {
  const links = (item.buttons ?? []).map((made) => el("a", { href: made.url, target: "_blank", rel: "noopener" }, made.name));
  return el("div", { class: "card" }, el("div", {}, linked(item.text)), ...links);
}

hear(say);
for (;;) {
  try {
    const news = await (await fetch(`${room}/messages?after=${last}&wait=1`)).json();
    document.querySelector(".typing")?.remove();
    for (const item of news) {
      show(item);
      last = item.seq;
    }
    if (news.some((item) => item.by !== "me")) tell("news");
    typing();
    if (news.length) log.scrollTop = log.scrollHeight;
  } catch {
    await pause(1000);
  }
}
