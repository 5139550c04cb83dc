// The keyboard map. Off while typing, in menus and in dialogs; `?` shows it.

const bindings = new Map();
let prefix = "";
let prefixTimer = 0;

/** `key` is a letter, or "g c" for G then C. The handler may answer false to let the key pass. */
export function bind(key, handler) {
  bindings.set(key, handler);
}

const typing = (target) =>
  target.isContentEditable || target.matches?.("textarea, select, input:not([type=checkbox]):not([type=radio])");

function run(event, key) {
  const handler = bindings.get(key);
  if (!handler || handler(event) === false) return false;
  event.preventDefault();
  return true;
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") return void run(event, "mod+k");
  if (event.key === "Escape") return void run(event, "escape");
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open], .menu")) return;
  const key = letter(event);
  if (prefix) {
    const whole = `${prefix} ${key}`;
    prefix = "";
    if (run(event, whole)) return;
  }
  if (key === "g") {
    prefix = "g";
    clearTimeout(prefixTimer);
    prefixTimer = setTimeout(() => (prefix = ""), 1200);
    return;
  }
  run(event, key);
});

// With a Korean layout on, the key's place counts: ㅓ is J.
function letter(event) {
  if (/^Key[A-Z]$/.test(event.code) && !/^[a-z]$/i.test(event.key)) return event.code.slice(3).toLowerCase();
  return event.key.toLowerCase();
}
