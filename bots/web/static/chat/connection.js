// The socket: one open connection, everything written kept in a queue until the server has stored it.
import * as store from "./store.js";
import { newId } from "./ui.js";
import { config, lang } from "./words.js";

const STORED_WITHIN_MS = 15000;
const LONGEST_PAUSE_MS = 15000;
const REFUSED_FOR_GOOD = new Set(["bad_frame", "too_large", "unknown_choice", "not_allowed"]);

export class Connection extends EventTarget {
  constructor(visitor) {
    super();
    this.visitor = visitor;
    this.queue = store.read("queue", []);
    this.ready = false;
    this.pause = 500;
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.cut());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
  }

  // This page keeps its own session, even when another tab has begun one at the same moment.
  get session() {
    return (this.own ??= config.session || store.read("session"));
  }

  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  open() {
    clearTimeout(this.timer);
    const url = new URL(config.socket, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      const hello = { type: "hello", locale: lang };
      if (this.session) hello.session = this.session;
      if (this.visitor) hello.visitor = this.visitor;
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = (event) => socket === this.socket && this.hear(JSON.parse(event.data));
    socket.onclose = () => socket === this.socket && this.lost();
  }

  hear(frame) {
    if (frame.type === "welcome") {
      if (frame.session !== this.own) store.write("session", frame.session);
      this.own = frame.session;
      this.ready = true;
      this.pause = 500;
      this.tell("state", { online: true });
      for (const waiting of this.queue) this.put(waiting);
    }
    if (frame.type === "stored" || (frame.type === "error" && frame.id)) this.settle(frame);
    this.tell(frame.type, frame);
  }

  settle(frame) {
    const keep = frame.type === "error" && !REFUSED_FOR_GOOD.has(frame.code);
    if (!keep) this.drop(frame.id);
    else this.queue = this.queue.filter((waiting) => waiting.id !== frame.id);
    clearTimeout(this.watch);
    this.watchQueue();
  }

  drop(id) {
    this.queue = this.queue.filter((waiting) => waiting.id !== id);
    store.write("queue", this.queue);
  }

  lost() {
    this.ready = false;
    this.tell("state", { online: false });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.pause * (0.7 + Math.random() * 0.6));
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE_MS);
  }

  // A socket outlives its network for minutes, and the browser knows first.
  cut() {
    if (!this.socket || this.socket.readyState > 1) return;
    this.socket.onclose = null;
    this.socket.close();
    this.lost();
  }

  hurry() {
    if (this.socket && this.socket.readyState > 1) this.open();
  }

  put(frame) {
    if (this.ready && this.socket.readyState === 1) {
      this.socket.send(JSON.stringify(frame));
      this.watchQueue();
    }
  }

  // A connection that swallows what is sent is cut, so that it is sent again.
  watchQueue() {
    clearTimeout(this.watch);
    if (this.queue.length) this.watch = setTimeout(() => this.socket?.close(), STORED_WITHIN_MS);
  }

  // Queue a message, choice or file; returns its id.
  write(frame, id = newId()) {
    const waiting = { ...frame, id };
    this.queue.push(waiting);
    store.write("queue", this.queue);
    this.put(waiting);
    return id;
  }

  hint(frame) {
    if (this.ready && this.socket.readyState === 1) this.socket.send(JSON.stringify(frame));
  }
}
