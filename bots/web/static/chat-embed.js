// Put on another site's page:
//   <script src="https://…/chat.js" data-lang="ko" data-visitor="<signed token>" defer></script>
// makes a round button and, once pressed, the chat in a frame. Asks nothing of the page around it.
(() => {
  const script = document.currentScript;
  const home = new URL(script.src).origin;
  const korean = (script.dataset.lang || navigator.language || "ko").startsWith("ko");
  const lang = korean ? "ko" : "en";
  const words = korean ? { open: "상담 열기", close: "상담 닫기", title: "상담" } : { open: "Open chat", close: "Close chat", title: "Chat" };
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const style = new CSSStyleSheet();
  style.replaceSync(`
    :host { all: initial; }
    button { position: fixed; right: 20px; bottom: calc(20px + env(safe-area-inset-bottom)); z-index: 2147483000;
      width: 60px; height: 60px; border: 0; border-radius: 50%; background: #0a6b5e; color: #fff; cursor: pointer;
      display: grid; place-items: center; box-shadow: 0 12px 32px rgb(27 32 30 / 24%); }
    button:focus-visible { outline: 2px solid #0a6b5e; outline-offset: 3px; }
    button span { position: absolute; top: -2px; right: -2px; min-width: 22px; height: 22px; padding: 0 6px; border-radius: 11px;
      box-sizing: border-box; background: #b0261d; color: #fff; font: 600 13px/22px sans-serif; }
    iframe { position: fixed; right: 20px; bottom: 96px; z-index: 2147483001; width: 392px; height: min(640px, calc(100dvh - 116px));
      border: 0; border-radius: 18px; background: #f4f3ef; box-shadow: 0 12px 32px rgb(27 32 30 / 24%); color-scheme: normal; }
    @media (max-width: 479px) { iframe { inset: 0; width: 100%; height: 100dvh; border-radius: 0; } }
    [hidden] { display: none; }`);
  root.adoptedStyleSheets = [style];

  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  const badge = document.createElement("span");
  badge.hidden = true;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("width", "28");
  svg.setAttribute("height", "28");
  svg.setAttribute("fill", "none");
  svg.setAttribute("stroke", "currentColor");
  svg.setAttribute("stroke-width", "1.7");
  svg.setAttribute("stroke-linejoin", "round");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M6 4.5h12A2.5 2.5 0 0 1 20.5 7v8a2.5 2.5 0 0 1-2.5 2.5h-7L6 21v-3.5A2.5 2.5 0 0 1 3.5 15V7A2.5 2.5 0 0 1 6 4.5Z");
  svg.append(path);
  button.append(svg, badge);
  root.append(button);
  let frame = null;

  // A browser that forbids the frame to store lets this page: with it the conversation goes on after a reload.
  const shelf = `dangol.chat ${home}`;
  function kept() {
    try {
      return JSON.parse(localStorage.getItem(shelf)) ?? {};
    } catch {
      return {};
    }
  }
  function keep({ name, text }) {
    const all = { ...kept(), [name]: text ?? undefined };
    try {
      localStorage.setItem(shelf, JSON.stringify(all));
    } catch {
      // forbidden here as well: the next page begins anew
    }
  }

  function say(open) {
    button.setAttribute("aria-label", open ? words.close : words.open);
    button.setAttribute("aria-expanded", String(open));
  }

  function show(open) {
    if (open && !frame) {
      frame = document.createElement("iframe");
      frame.title = words.title;
      frame.allow = "clipboard-write; camera; microphone";
      frame.src = `${home}/chat?embed=1&lang=${lang}`;
      root.append(frame);
    }
    if (frame) frame.hidden = !open;
    badge.hidden = true;
    say(open);
    if (open) frame.focus();
    else button.focus();
  }

  button.addEventListener("click", () => show(!frame || frame.hidden));
  addEventListener("keydown", (event) => event.key === "Escape" && frame && !frame.hidden && show(false));
  addEventListener("message", (event) => {
    if (event.origin !== home || !frame || event.source !== frame.contentWindow) return;
    const { type, value } = event.data ?? {};
    if (type === "dangol:ready") frame.contentWindow.postMessage({ type: "dangol:hello", visitor: script.dataset.visitor, kept: kept() }, home);
    if (type === "dangol:keep") keep(value);
    if (type === "dangol:close") show(false);
    if (type === "dangol:unread") {
      badge.textContent = String(value);
      badge.hidden = !value || !frame.hidden;
    }
  });
  say(false);
  const place = () => document.body.append(host);
  if (document.body) place();
  else addEventListener("DOMContentLoaded", place);
})();
