// Words of the page and how times are written. Messages come with the page, as do language and time zone.
import { filled } from "../particle.js";

const messages = JSON.parse(document.getElementById("messages").textContent);
export const config = JSON.parse(document.getElementById("config").textContent);
export const lang = document.documentElement.lang;

export function t(key, values = {}) {
  let name = key;
  if ("n" in values && !(name in messages)) name = `${key}.${values.n === 1 ? "one" : "many"}`;
  return filled(messages[name] ?? key, values);
}

function parts(at) {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: config.timezone,
    year: "numeric",
    month: "numeric",
    day: "numeric",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
  return Object.fromEntries(format.formatToParts(at).map((part) => [part.type, part.value]));
}

export function clock(at, short = false) {
  const { hour, minute } = parts(at);
  const h = Number(hour) % 24;
  const time = `${h % 12 || 12}:${minute}`;
  if (short) return time;
  if (lang === "ko") return `${h < 12 ? "오전" : "오후"}\u00a0${time}`;
  return `${time}\u00a0${h < 12 ? "am" : "pm"}`;
}

const WEEKDAYS = { Mon: "월", Tue: "화", Wed: "수", Thu: "목", Fri: "금", Sat: "토", Sun: "일" };
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export function day(at) {
  const { year, month, day: date, weekday } = parts(at);
  const same = year === parts(new Date()).year;
  if (lang === "ko") return `${same ? "" : `${year}년 `}${Number(month)}월 ${Number(date)}일(${WEEKDAYS[weekday]})`;
  return `${weekday} ${Number(date)} ${MONTHS[Number(month) - 1]}${same ? "" : ` ${year}`}`;
}

export function dayKey(at) {
  const { year, month, day: date } = parts(at);
  return `${year}-${month}-${date}`;
}

export function size(bytes) {
  return bytes < 1048576 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

// What an avatar shows: the given name of a Korean name, else initials.
export function initials(name) {
  const word = name.trim();
  if (word >= "가" && word[0] <= "힣") return word.length === 2 || word.length === 3 ? word.slice(1) : word[0];
  return word.split(/\s+/).slice(0, 2).map((part) => part[0]?.toUpperCase() ?? "").join("") || "?";
}

export function tint(name) {
  let sum = 0;
  for (const letter of name) sum += letter.codePointAt(0);
  return (sum % 5) + 1;
}
