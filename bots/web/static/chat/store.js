// What this device remembers. Storage may be forbidden (an embedded page): then memory serves, and the page around us
// keeps what a conversation goes on with.
import { config } from "./words.js";

const memory = new Map();

// A page that shows another conversation than this browser's own keeps what belongs to it apart.
const APART = new Set(["session", "whose", "queue", "draft"]);
const named = (name) => (config.room && APART.has(name) ? `dangol.${name}.${config.room}` : `dangol.${name}`);

function area() {
  try {
    const test = "dangol.test";
    localStorage.setItem(test, "1");
    localStorage.removeItem(test);
    return localStorage;
  } catch {
    return null;
  }
}

const disk = area();
let lend = () => {};

/** Where storage is forbidden: go on with what was `kept` around us, and let `keep(name, text)` keep what comes. */
export function borrow(kept, keep) {
  if (disk) return;
  for (const name of APART) if (typeof kept?.[name] === "string") memory.set(named(name), kept[name]);
  lend = (name, text) => APART.has(name) && keep(name, text);
}

export function read(name, fallback = null) {
  try {
    const text = disk ? disk.getItem(named(name)) : memory.get(named(name));
    return text === null || text === undefined ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

export function write(name, value) {
  const text = JSON.stringify(value);
  try {
    if (disk) disk.setItem(named(name), text);
    else memory.set(named(name), text);
    lend(name, text);
  } catch {
    memory.set(named(name), text);
  }
}

/** What is kept is the conversation of `whose`: on a shared computer nobody reads on where another person left. */
export function belongTo(whose) {
  if (read("whose", "") === whose) return;
  for (const name of APART) forget(name);
  write("whose", whose);
}

export function forget(name) {
  if (disk) disk.removeItem(named(name));
  memory.delete(named(name));
  lend(name, null);
}
