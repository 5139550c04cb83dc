// Questions and forms in sheets. <dialog> keeps the focus inside and gives it back.

import { fragment } from "./api.js";
import { failed } from "./toast.js";

/** Ask yes or no; `yes` is the verb of the button. */
export function ask({ title, text = "", yes }) {
  const dialog = document.getElementById("ask");
  dialog.querySelector("#ask-title").textContent = title;
  dialog.querySelector("#ask-text").textContent = text;
  dialog.querySelector("[data-ask-yes]").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/** Open the form that the server renders at `url` in a sheet; by POST where asking for it makes something. */
export async function openForm(url, method = "GET") {
  const dialog = document.getElementById("form-sheet");
  try {
    dialog.replaceChildren(await fragment(url, "form", method));
  } catch (error) {
    failed(error);
    return null;
  }
  dialog.showModal();
  dialog.querySelector("[autofocus], .input, .textarea, .select")?.focus();
  return dialog;
}

addEventListener("click", (event) => {
  if (event.target.closest("[data-close-sheet]")) event.target.closest("dialog")?.close();
});
