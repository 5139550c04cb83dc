// The page's socket to the CRM: waiting, chat, what others decided. It comes back by itself.

const PAUSES_MS = [300, 600, 1200, 2500, 5000];
const REFUSED = 4403;
const PING_MS = 15000;

export class Room extends EventTarget {
  constructor(path) {
    super();
    this.path = path;
    this.failures = 0;
    this.waiting = false; // say `wait` again after each reconnect
    this.unsent = new Map(); // lines of the chat that are not stored yet
    this.last = 0;
    addEventListener("online", () => this.socket?.readyState !== WebSocket.OPEN && this.open());
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  open() {
    clearTimeout(this.again);
    const url = new URL(this.path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      if (this.waiting) this.send({ type: "wait" });
      for (const frame of this.unsent.values()) this.send(frame);
      clearInterval(this.pinging);
      this.pinging = setInterval(() => this.send({ type: "ping" }), PING_MS);
      this.tell("online", true);
    };
    socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    socket.onclose = ({ code }) => {
      if (socket !== this.socket) return;
      clearInterval(this.pinging);
      if (code === REFUSED) {
        this.tell("refused", {});
        return;
      }
      this.tell("online", false);
      this.again = setTimeout(() => this.open(), PAUSES_MS[Math.min(this.failures++, PAUSES_MS.length - 1)]);
    };
  }

  hear(frame) {
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
