// What both phones share: elements, clocks, the one who holds the phone, and talking to the page around us.
const query = new URLSearchParams(location.search);
export const en = query.get("lang") === "en";
const timeZone = query.get("tz") || undefined;
export const name = query.get("name") || (en ? "Saebom" : "새봄가전");
document.documentElement.lang = en ? "en" : "ko";

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== "" && child !== false));
  return made;
}

const SHAPES = {
  back: "M15 5l-7 7 7 7",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM16.500 16.500 21 21",
  menu: "M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  plus: "M12 5v14M5 12h14",
  up: "M12 19V5M6 11l6-6 6 6",
  clip: "M20 11.500 12 19.500a5 5 0 0 1-7-7l8.500-8.500a3.300 3.300 0 0 1 4.700 4.700L9.700 17a1.700 1.700 0 0 1-2.400-2.400l7.700-7.600",
  send: "M4 12 20 5l-4 15-4-6-8-2Z",
};

export function icon(shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[shape]);
  if (shape === "more" || shape === "menu") svg.setAttribute("style", `stroke-width:${shape === "more" ? 3 : 2}`);
  svg.append(path);
  return svg;
}

// The company's face, as on our own pages
export function logo() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 34 35");
  svg.setAttribute("class", "logo");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML =
    '<path fill="#0a6b5e" d="M11 0h12a11 11 0 0 1 11 11v8a11 11 0 0 1-11 11h-5.6l-8.3 4.3c-.9.5-1.8-.1-1.8-1V30A11 11 0 0 1 0 19v-8A11 11 0 0 1 11 0Z"/>' +
    '<path fill="none" stroke="#fff" stroke-width="3.2" d="M23.6 9.6h-9.2a4 4 0 0 0-4 4v2.9a4 4 0 0 0 4 4h9.2"/>' +
    '<circle cx="21.9" cy="15.1" r="2.3" fill="#fff"/>';
  return svg;
}

export function clock(seconds, hour12) {
  return new Date(seconds * 1000)
    .toLocaleTimeString("en", { hour: "numeric", minute: "2-digit", hourCycle: hour12 ? "h12" : "h23", timeZone })
    .replace(/ ?[AP]M/, "");
}

// Text whose addresses can be pressed
export function linked(text) {
  const shown = el("span", { class: "text" });
  for (const part of text.split(/(https?:\/\/[^\s]+)/)) {
    shown.append(/^https?:/.test(part) ? el("a", { href: part, target: "_blank", rel: "noopener" }, part) : part);
  }
  return shown;
}

// Who holds the phone: the same person as long as the stand-in runs and this tab is open.
export async function holder(make) {
  const started = await (await fetch("/phone/started")).text();
  const kept = JSON.parse(sessionStorage.getItem("holder") ?? "null");
  if (kept?.started === started) return kept.id;
  const id = make();
  sessionStorage.setItem("holder", JSON.stringify({ started, id }));
  return id;
}

export function tell(kind) {
  if (parent !== window) parent.postMessage({ dangol: kind }, "*");
}

export function hear(say) {
  addEventListener("message", (event) => {
    const local = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(event.origin);
    if (local && event.source === parent && event.data?.dangol === "say") say(String(event.data.text).slice(0, 500));
  });
}

export async function post(url, body) {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

export function base64(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result).split(",")[1]);
    reader.onerror = failed;
    reader.readAsDataURL(file);
  });
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
