// Keyed updates: rows and messages keep their elements, focus and scroll when a fresh list arrives.

import { follow } from "./menu.js";

const keyed = (parent) => new Map([...parent.children].map((child) => [child.dataset.key, child]));

function refresh(old, fresh) {
  if (old.outerHTML === fresh.outerHTML) return old;
  if (ticked(old, fresh)) return old;
  const picked = old.querySelector?.("input[data-pick]")?.checked;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  follow(old, fresh);
  if (picked) fresh.querySelector("input[data-pick]").checked = true;
  if (focused?.matches?.("a, button")) fresh.querySelector(focused.tagName.toLowerCase())?.focus();
  return fresh;
}

// Only the ticks of a message changed: it stays in place, so that no screen reader says it again.
function ticked(old, fresh) {
  const meta = old.querySelector(":scope .msg-meta");
  const now = fresh.querySelector(":scope .msg-meta");
  if (!meta || !now || old.querySelector(".bubble")?.textContent !== fresh.querySelector(".bubble")?.textContent) return false;
  if (old.querySelectorAll(".photo, .file-chip, .msg-card").length !== fresh.querySelectorAll(".photo, .file-chip, .msg-card").length) return false;
  old.className = fresh.className;
  old.dataset.state = fresh.dataset.state;
  meta.replaceChildren(...now.childNodes);
  const face = old.querySelector(".msg-face");
  face?.replaceChildren(...fresh.querySelector(".msg-face").childNodes);
  return true;
}

/**
 * Make `parent` hold the keyed children of `content` in their order. `keep(child)` says which children that
 * are not in it stay; new ones get the class is-new. Returns the new elements.
 */
export function merge(parent, content, keep = () => false) {
  const present = keyed(parent);
  const wanted = [...content.children];
  const names = new Set(wanted.map((child) => child.dataset.key));
  const kept = [];
  for (const [key, child] of present) {
    if (names.has(key)) continue;
    if (keep(child)) kept.push(child);
    else child.remove();
  }
  const fresh = [];
  let after = null;
  const before = kept.filter((child) => child.dataset.key && wanted[0] && precedes(child, present, names));
  if (before.length) after = before[before.length - 1];
  for (const child of wanted) {
    const old = present.get(child.dataset.key);
    const placed = old ? refresh(old, child) : child;
    if (!old) {
      placed.classList.add("is-new");
      fresh.push(placed);
    }
    const next = after ? after.nextElementSibling : parent.firstElementChild;
    if (placed !== next) parent.insertBefore(placed, next);
    after = placed;
  }
  return fresh;
}

// A kept child stands before the merged part when it stood before the first common child.
function precedes(child, present, names) {
  for (const [key, other] of present) {
    if (other === child) return true;
    if (names.has(key)) return false;
  }
  return false;
}
