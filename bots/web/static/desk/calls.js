// Inviting to live support from a conversation, a request or a contact.

import { act } from "./api.js";
import { failed, said } from "./toast.js";

const sheet = document.getElementById("live-sheet");
const form = sheet?.querySelector("[data-live-form]");
let about = {};

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-live-start]");
  if (!opener || !sheet) return;
  const number = (name) => Number(opener.dataset[name]) || null;
  about = { contact: number("contact"), conversation: number("conversation"), request: number("request") };
  sheet.showModal();
});

sheet?.addEventListener("click", (event) => event.target.closest("[data-close-sheet]") && sheet.close());

form?.addEventListener("input", () => {
  const words = form.querySelector("[data-live-do]");
  words.textContent = form.elements.at.value ? words.dataset.later : words.dataset.now;
});

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const at = form.elements.at.value;
  const offset = document.getElementById("desk").dataset.offset;
  try {
    const made = await act("live_start", { ...about, purpose: form.elements.purpose.value, at: at ? `${at}:00${offset}` : null });
    sheet.close();
    if (at) said(made);
    else location.assign(`/desk/calls/${made.id}/room`);
  } catch (error) {
    failed(error);
  }
});
