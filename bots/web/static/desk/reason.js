// Cancelling and reopening say why; resolving may say what was done.

import { word } from "./api.js";

const DONE = ["resolved", "closed"];
const asks = (was, status) => status === "cancelled" || status === "resolved" || (status === "assigned" && DONE.includes(was));
const optional = (status) => status === "resolved";

/** The reason of a move: "" when none is needed, null when the person changed their mind. */
export function askReason(was, status, number) {
  if (!asks(was, status)) return Promise.resolve("");
  const kind = status === "assigned" ? "reopen" : status;
  const dialog = document.getElementById("reason");
  dialog.querySelector("h2").textContent = word(`reason.${kind}.title`, { number });
  dialog.querySelector("p").textContent = word(`reason.${kind}.text`);
  dialog.querySelector("[data-reason-yes]").textContent = word(`reason.${kind}.yes`);
  const field = dialog.querySelector("textarea");
  field.value = "";
  field.required = !optional(status);
  dialog.returnValue = "";
  dialog.showModal();
  field.focus();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue === "yes" ? field.value.trim() : null),
      { once: true },
    );
  });
}
