// The chat beside the customer's call: opened and closed; what is unread is counted, and shown as a caption meanwhile.
import { byId } from "../chat/ui.js";
import { Chat } from "./chat.js";

let unread = 0;
let chat = null;

export function setUpPanel(room) {
  chat = new Chat(room, { onNews });
  byId("chat-open").addEventListener("click", () => openChat(byId("chat").hidden));
  byId("wait-chat").addEventListener("click", () => openChat(true));
  byId("chat-close").addEventListener("click", () => openChat(false));
  byId("chat").addEventListener("keydown", (event) => event.key === "Escape" && openChat(false));
}

function onNews(said) {
  if (!byId("chat").hidden) return;
  unread += 1;
  byId("chat-count").textContent = unread;
  byId("chat-count").hidden = false;
  caption(said.text);
}

let captionTimer = 0;
function caption(text) {
  if (!text) return;
  const place = byId("caption");
  place.querySelector("span").textContent = text;
  place.hidden = false;
  clearTimeout(captionTimer);
  captionTimer = setTimeout(() => (place.hidden = true), 9000);
}
function openChat(open) {
  byId("chat").hidden = !open;
  byId("chat-open").setAttribute("aria-expanded", String(open));
  if (!open) return byId("chat-open").focus();
  unread = 0;
  byId("chat-count").hidden = byId("caption").hidden = true;
  chat.bottom();
  return byId("chat-text").focus();
}
