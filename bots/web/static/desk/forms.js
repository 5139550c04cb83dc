// Forms that do an act: <form data-act="name">. Values by name, kinds by data-type, errors beside their field.

import { act, word } from "./api.js";
import { failed, said } from "./toast.js";

function valueOf(input) {
  const text = input.value.trim();
  switch (input.dataset.type) {
    case "int":
      return text === "" ? null : Number(text);
    case "bool":
      return input.checked;
    case "time":
    case "changed-time":
      return text === "" ? null : `${text}:00${document.getElementById("desk").dataset.offset}`;
    case "list":
      return text.split(",").map((part) => part.trim()).filter(Boolean);
    case "null":
      return text === "" ? null : text;
    default:
      return input.value;
  }
}

// A masked field is sent only when it was filled in, a time only when it was changed.
function sends(input) {
  if (input.dataset.type === "filled") return input.value.trim() !== "";
  if (input.dataset.type === "changed-time") return input.value !== input.dataset.was;
  return input.type !== "checkbox" || Boolean(input.dataset.type);
}

/** The arguments that a form holds. Checkboxes of one name (data-type ints or texts) become a list. */
export function values(form) {
  const args = {};
  for (const input of form.elements) {
    if (!input.name || input.disabled || input.type === "submit") continue;
    if (input.dataset.type === "ints" || input.dataset.type === "texts") {
      args[input.name] ??= [];
      if (input.checked) args[input.name].push(input.dataset.type === "ints" ? Number(input.value) : input.value);
    } else if (input.type === "radio") {
      if (input.checked) args[input.name] = input.value;
    } else if (sends(input)) {
      args[input.name] = valueOf(input);
    }
  }
  return args;
}

export function clearErrors(form) {
  form.querySelectorAll(".error[data-made]").forEach((error) => error.remove());
  form.querySelectorAll("[aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
}

/** Show what is wrong beside its field; what is of no field above the buttons, or as a toast where there are none. */
export function showError(form, error) {
  const [name, text] = Object.entries(error.fields ?? {})[0] ?? [];
  const input = name && form.elements.namedItem(name);
  const foot = form.closest("dialog") && form.querySelector(".sheet-actions");
  if (!input?.after && !foot) return failed(error);
  const line = document.createElement("p");
  line.className = "error";
  line.dataset.made = "";
  line.setAttribute("role", "alert");
  line.id = `error-${name ?? "form"}`;
  line.textContent = text ?? error.message;
  if (!input?.after) return foot.before(line);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-errormessage", line.id);
  input.after(line);
  input.focus();
}

async function submit(form) {
  const button = form.querySelector("[type=submit], button:not([type])");
  clearErrors(form);
  button?.setAttribute("aria-busy", "true");
  try {
    const result = await act(form.dataset.act, values(form));
    form.closest("dialog")?.close();
    said(result, () => form.dispatchEvent(new CustomEvent("done", { bubbles: true, detail: result })));
    form.dispatchEvent(new CustomEvent("done", { bubbles: true, detail: result }));
    if (form.dataset.next) location.assign(form.dataset.next.replace("{id}", result.id ?? ""));
    else if ("reload" in form.dataset) setTimeout(() => location.reload(), 400);
  } catch (error) {
    showError(form, error);
  } finally {
    button?.removeAttribute("aria-busy");
  }
}

addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  submit(form);
});

addEventListener("change", (event) => {
  if (event.target.matches("[data-autosave]")) submit(event.target.form);
});

addEventListener("input", (event) => {
  const form = event.target.closest("form");
  form?.querySelector("[data-dirty]")?.removeAttribute("hidden");
  if (event.target.getAttribute?.("aria-invalid")) clearErrors(form);
});

/** Warn before leaving a page whose form was changed. */
export function guard(form) {
  let dirty = false;
  form.addEventListener("input", () => (dirty = true));
  form.addEventListener("done", () => (dirty = false));
  addEventListener("beforeunload", (event) => {
    if (dirty) event.preventDefault();
  });
  return () => word("leave");
}
