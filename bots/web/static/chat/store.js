// What this device remembers. Storage may be forbidden (an embedded page): then memory serves.
const memory = new Map();

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

export function read(name, fallback = null) {
  try {
    const text = disk ? disk.getItem(`dangol.${name}`) : memory.get(name);
    return text === null || text === undefined ? fallback : JSON.parse(text);
  } catch {
    return fallback;
  }
}

export function write(name, value) {
  const text = JSON.stringify(value);
  try {
    if (disk) disk.setItem(`dangol.${name}`, text);
    else memory.set(name, text);
  } catch {
    memory.set(name, text);
  }
}

export function forget(name) {
  if (disk) disk.removeItem(`dangol.${name}`);
  memory.delete(name);
}
