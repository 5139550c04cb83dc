// The page's socket to the CRM: waiting, chat, what others decided. It comes back by itself.

const PAUSES_MS = [300, 600, 700, 700, 1500, 3000, 5000];
const REFUSED = 4403;
const PING_MS = 5000;
const SILENT_MS = 12_000; // without a word for so long the socket is dead
const PROBE_MS = 2000; // the same when something told that the network changed

export class Room extends EventTarget {
  constructor(path) {
    super();
    this.path = path;
    this.failures = 0;
    this.waiting = false; // say `wait` again after each reconnect
    this.unsent = new Map(); // lines of the chat that are not stored yet
    this.last = 0;
    for (const name of ["online", "pageshow"]) addEventListener(name, () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    navigator.connection?.addEventListener?.("change", () => this.hurry());
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // The network changed, or the page woke: do not wait for a timeout to find out.
  hurry() {
    if (!this.socket || this.refused) return;
    if (this.socket.readyState === WebSocket.OPEN) this.probe(PROBE_MS);
    else if (this.socket.readyState !== WebSocket.CONNECTING) this.open();
  }

  probe(patience) {
    const [asked, socket] = [performance.now(), this.socket];
    this.send({ type: "ping" });
    setTimeout(() => socket === this.socket && this.heard < asked && this.open(), patience);
  }

  open() {
    clearTimeout(this.again);
    clearInterval(this.pinging);
    const url = new URL(this.path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const [before, socket] = [this.socket, new WebSocket(url)];
    this.socket = socket;
    before?.close();
    socket.onopen = () => {
      this.failures = 0;
      if (this.waiting) this.send({ type: "wait" });
      for (const frame of this.unsent.values()) this.send(frame);
      clearInterval(this.pinging);
      this.heard = performance.now();
      this.pinging = setInterval(() => this.ping(), PING_MS);
      this.tell("online", true);
    };
    socket.onmessage = ({ data }) => socket === this.socket && this.hear(JSON.parse(data));
    socket.onclose = ({ code }) => {
      if (socket !== this.socket) return;
      clearInterval(this.pinging);
      if (code === REFUSED) {
        this.refused = true;
        this.tell("refused", {});
        return;
      }
      this.tell("online", false);
      this.again = setTimeout(() => this.open(), PAUSES_MS[Math.min(this.failures++, PAUSES_MS.length - 1)]);
    };
  }

  ping() {
    if (performance.now() - this.heard > SILENT_MS) this.probe(PROBE_MS);
    else this.send({ type: "ping" });
  }

  hear(frame) {
    this.heard = performance.now();
    if (frame.type === "stored") this.unsent.delete(frame.id);
    if (frame.type === "error" && frame.id) this.unsent.delete(frame.id);
    if (frame.type === "message") {
      if (frame.seq <= this.last) return;
      this.last = frame.seq;
    }
    this.tell(frame.type, frame);
  }

  wait() {
    this.waiting = true;
    this.send({ type: "wait" });
  }

  say(id, text, files = []) {
    const frame = { type: "say", id, text, files };
    this.unsent.set(id, frame);
    this.send(frame);
  }

  act(kind, data = {}) {
    this.send({ type: "act", kind, data });
  }

  send(frame) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }
}
