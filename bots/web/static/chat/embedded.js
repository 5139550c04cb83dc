// Inside another site's page (chat.js): learn who the visitor is, tell when to close and what is unread.
import { borrow } from "./store.js";

let parentOrigin = null;

export function tellParent(type, value) {
  if (parentOrigin) parent.postMessage({ type: `dangol:${type}`, value }, parentOrigin);
}

/** The lasting name in a visitor token, for this device to tell people apart; the server is who checks it. */
export function subjectOf(visitor) {
  try {
    return String(JSON.parse(atob(visitor.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub ?? "");
  } catch {
    return "";
  }
}

// The visitor token of the embedding site; null where it vouches for nobody, undefined where it has not said in time.
// Only sites of the operator's list are listened to.
export function embedded(config) {
  if (!config.embedded || parent === window) return Promise.resolve(null);
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(undefined), 1500);
    addEventListener("message", (event) => {
      if (event.source !== parent || event.data?.type !== "dangol:hello") return;
      if (!config.origins.includes(event.origin)) return;
      parentOrigin = event.origin;
      clearTimeout(late);
      borrow(event.data.kept, (name, text) => tellParent("keep", { name, text }));
      resolve(typeof event.data.visitor === "string" ? event.data.visitor : null);
    });
    for (const origin of config.origins) parent.postMessage({ type: "dangol:ready" }, origin);
  });
}
