// Guided pages: both see the same page of ours at the same place. Who leads scrolls; what is typed into fields
// stays where it is typed, and the other side sees only which field it is.

import { config } from "../chat/words.js";

const OURS = /^\/(kb\/[\w.-]+|privacy|call\/form)(\?lang=(ko|en))?$/;
const NOTHING = "/"; // the frame that ends it
export const FORM = "/call/form"; // stands for each side's own address of the request form

export class Guide {
  constructor(session, pane, frame, { leads }) {
    Object.assign(this, { session, pane, frame, leads });
    this.page = "";
    session.addEventListener("browse", ({ detail }) => this.take(detail));
    frame.addEventListener("load", () => this.loaded());
  }

  // Show a page to both; an empty one ends it.
  open(page) {
    this.show(page);
    this.tell({ scroll: 0 });
  }

  show(page) {
    if (page && !OURS.test(page)) return;
    this.page = page;
    this.pane.hidden = !page;
    if (page && this.frame.dataset.page !== page) {
      this.frame.dataset.page = page;
      this.frame.src = page === FORM ? `${config.base}/form` : page;
    }
  }

  take({ page, scroll, field }) {
    this.show(page === NOTHING ? "" : page);
    this.wanted = scroll;
    this.place();
    this.mark(field);
  }

  loaded() {
    const inner = this.frame.contentWindow;
    if (!inner || !this.page) return;
    inner.addEventListener("scroll", () => this.scrolled(), { passive: true });
    inner.document.addEventListener("focusin", (event) => event.target.name && this.tell({ field: event.target.name }));
    if (this.leads) for (const input of inner.document.querySelectorAll("input, textarea, select")) mask(input);
    this.place();
  }

  place() {
    const inner = this.frame.contentWindow;
    const root = inner?.document?.scrollingElement;
    if (!root || this.wanted === undefined) return;
    this.quiet = performance.now() + 250;
    root.scrollTop = this.wanted * (root.scrollHeight - root.clientHeight);
  }

  scrolled() {
    if (performance.now() < (this.quiet ?? 0)) return;
    clearTimeout(this.later);
    this.later = setTimeout(() => this.tell({}), 80);
  }

  where() {
    const root = this.frame.contentWindow?.document?.scrollingElement;
    const room = root ? root.scrollHeight - root.clientHeight : 0;
    return room > 0 ? Math.round((root.scrollTop / room) * 1e4) / 1e4 : 0;
  }

  tell(values) {
    this.session.send({ type: "browse", page: this.page || NOTHING, scroll: this.where(), field: "", ...values });
  }

  mark(field) {
    const page = this.frame.contentWindow?.document;
    if (!page) return;
    for (const each of page.querySelectorAll("[data-guided]")) delete each.dataset.guided;
    const found = field && page.querySelector(`[name="${CSS.escape(field)}"]`);
    if (found) {
      found.dataset.guided = "";
      found.scrollIntoView({ block: "center" });
    }
  }
}

// Staff see that a field is there, never what is in it.
function mask(input) {
  input.value = "";
  input.placeholder = "••••";
  input.readOnly = true;
  input.tabIndex = -1;
}
