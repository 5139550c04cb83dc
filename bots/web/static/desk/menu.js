// Menus: the content of <template id="menu-…"> beside its button, by the ARIA menu-button pattern.

let open = null;

export const openMenu = () => open;

/** Show the menu `name` at `button`. A click inside is sent to `button` as "choose" with the chosen element. */
export function show(button, name, prepare = () => {}) {
  const again = open?.button === button;
  close();
  if (again) return;
  const template = document.getElementById(`menu-${name}`);
  if (!template) return;
  const menu = document.createElement("div");
  menu.className = "menu";
  menu.setAttribute("role", "menu");
  menu.append(template.content.cloneNode(true));
  prepare(menu);
  (button.closest("dialog[open]") ?? document.body).append(menu);
  place(menu, button);
  button.setAttribute("aria-expanded", "true");
  open = { menu, button, name };
  menu.addEventListener("click", choose);
  menu.addEventListener("submit", choose);
  menu.addEventListener("keydown", walk);
  menu.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !menu.contains(relatedTarget) && close());
  items(menu)[0]?.focus({ preventScroll: true });
}

export function close(refocus = false) {
  if (!open) return;
  const { menu, button } = open;
  open = null;
  menu.remove();
  button.setAttribute("aria-expanded", "false");
  if (refocus) button.focus();
}

/** `fresh` took the place of `old`: a menu that stands at a button in it goes on at the same button of the new one. */
export function follow(old, fresh) {
  if (!open || !old.contains(open.button)) return;
  const tag = open.button.tagName;
  const place = [...old.querySelectorAll(tag)].indexOf(open.button);
  const button = old === open.button ? fresh : fresh.querySelectorAll(tag)[place];
  if (!button) return close();
  open.button = button;
  button.setAttribute("aria-expanded", "true");
}

const items = (menu) => [...menu.querySelectorAll("[role^=menuitem], input")].filter((item) => item.checkVisibility());

function place(menu, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = at.bottom + 6 + height <= innerHeight || at.top < height;
  menu.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
  if (at.left < 100) menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  menu.style.top = `${below ? Math.min(at.bottom + 6, innerHeight - height - 8) : at.top - height - 6}px`;
}

// A field is sent by its button: while it is being typed its value is already one, and not yet the one meant.
function choose(event) {
  const sent = event.type === "submit";
  if (sent) event.preventDefault();
  const item = sent ? event.target.querySelector("input") : event.target.closest("[role^=menuitem]");
  if (!item) return;
  const { button, name } = open;
  if (!item.matches("a, [type=submit]")) close(true);
  button.dispatchEvent(new CustomEvent("choose", { bubbles: true, detail: { item, name } }));
}

function walk(event) {
  const all = items(open.menu);
  const at = all.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to !== undefined && !document.activeElement.matches("input[type=datetime-local]")) {
    event.preventDefault();
    all[(to + all.length) % all.length].focus();
  } else if (event.key === "Escape" || (event.key === "Tab" && !document.activeElement.closest("form"))) {
    event.preventDefault();
    event.stopPropagation();
    close(true);
  }
}

addEventListener("pointerdown", (event) => {
  if (open && !open.menu.contains(event.target) && !open.button.contains(event.target)) close();
});
addEventListener("resize", () => close());
