// Beside the call: the internal note, and the steps to tick.
import { byId } from "../chat/ui.js";
import { config } from "../chat/words.js";
import { tried } from "./acts.js";

export function setUpNotes(chat) {
  byId("note-form")?.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    const text = byId("note").value.trim();
    if (text) tried(note(chat, text));
  });
}

async function note(chat, text) {
  const answer = await fetch("/desk/api/acts/note", {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrf-token": config.csrf },
    body: JSON.stringify({ conversation: config.conversation, text }),
  });
  if (!answer.ok) throw new Error((await answer.json()).text);
  byId("note").value = "";
  chat.note(text);
}

// The steps that are done stay ticked when the page is opened again.
const ticks = [...document.querySelectorAll("#steps input")];
const key = `steps:${config.live}`;
const done = new Set(JSON.parse(sessionStorage.getItem(key) ?? "[]"));
ticks.forEach((box, at) => {
  box.checked = done.has(at);
  box.addEventListener("change", () => {
    if (box.checked) done.add(at);
    else done.delete(at);
    sessionStorage.setItem(key, JSON.stringify([...done]));
  });
});
