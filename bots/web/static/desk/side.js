// The contact beside a conversation: reveal, statuses and assignees of requests, labels, blocking.

import { act, word } from "./api.js";
import { ask, openForm } from "./dialog.js";
import { askReason } from "./reason.js";
import { failed, said } from "./toast.js";

const renew = () => document.dispatchEvent(new CustomEvent("renew"));

/** Do an act, say what it did, and bring the panes up to date. */
export async function perform(name, args) {
  try {
    const result = await act(name, args);
    if (document.activeElement?.matches(".side select")) document.activeElement.blur();
    said(result, renew);
    renew();
    return result;
  } catch (error) {
    failed(error);
    renew();
    return null;
  }
}

document.addEventListener("click", async (event) => {
  const contact = Number(event.target.closest("[data-contact]")?.dataset.contact);
  const reveal = event.target.closest("[data-reveal]");
  if (reveal) await show(reveal, contact);
  const create = event.target.closest("[data-new-request]");
  if (create) newRequest(Number(create.dataset.newRequest));
  const wanted = event.target.closest("[data-contact-act]");
  if (wanted) perform(wanted.dataset.contactAct, { contact });
});

export function newRequest(contact) {
  const conversation = document.querySelector(".thread")?.dataset.conversation ?? "";
  return openForm(`/desk/requests/new?contact=${contact}&conversation=${conversation}`);
}

async function show(button, contact) {
  try {
    const { value } = await act("contact_reveal", { contact, field: button.dataset.reveal });
    const place = button.parentElement.querySelector(`[data-value="${button.dataset.reveal}"]`);
    place.textContent = value;
    button.remove();
  } catch (error) {
    failed(error);
  }
}

document.addEventListener("change", async ({ target }) => {
  if (target.dataset.requestStatus) await changeStatus(target);
  if (target.dataset.requestStaff) {
    const staff = target.value ? Number(target.value) : null;
    if (!(await perform("request_assign", { request: Number(target.dataset.requestStaff), staff }))) {
      target.value = target.dataset.was;
    }
  }
});

async function changeStatus(select) {
  const { value: status } = select;
  const reason = await askReason(select.dataset.was, status, select.dataset.number);
  const request = Number(select.dataset.requestStatus);
  const done = reason !== null && (await perform("request_status", { request, status, reason }));
  if (!done) select.value = select.dataset.was;
}

document.addEventListener("choose", async ({ target, detail: { item } }) => {
  const contact = Number(target.closest("[data-contact]")?.dataset.contact);
  if (item.dataset.contactDo === "new_request") newRequest(contact);
  if (item.dataset.contactDo === "link") openForm(`/desk/contacts/${contact}/link`, "POST");
  if (item.dataset.contactDo === "callback") openForm(`/desk/callbacks/new?contact=${contact}`);
  if (item.dataset.contactDo === "unblock") perform("contact_unblock", { contact });
  if (item.dataset.contactDo === "block") {
    if (await ask({ title: word("block.title"), text: word("block.text"), yes: word("block.yes") })) {
      perform("contact_block", { contact });
    }
  }
});
