// Small helpers to build elements. Text is always set as text, never as markup.
import { config } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${config.sprite}#${name}`);
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

// Text with its web addresses as links.
const LINK_OR_NUMBER = /(https?:\/\/[^\s<>"'）)]+|\b[A-Z]{1,3}-\d{4}-\d{6}\b)/g;

// Addresses become links, and a number such as SR-2026-000123 stays on one line.
export function linked(text) {
  const whole = (piece) =>
    piece.startsWith("http")
      ? el("a", { href: piece, target: "_blank", rel: "noopener noreferrer nofollow" }, piece)
      : el("span", { class: "whole" }, piece);
  return text.split(LINK_OR_NUMBER).map((piece, at) => (at % 2 ? whole(piece) : piece));
}

export function announce(text) {
  const place = byId("announce");
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = text));
}

export function toast(text) {
  const node = el("div", { class: "toast" }, el("p", {}, text));
  byId("toasts").append(node);
  setTimeout(() => node.remove(), 6000);
}

export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
