// A call without a page: the socket, the peer connections, and coming back after a fault. docs/live-support.md
// tells the frames. A page listens to events named as the frames, and to
//   state   {state: "connecting"|"waiting"|"live"|"away"|"over", code}
//   track   {participant, kind, mid, track, on}   whenever one comes or changes
//   stats   {loss, rtt_ms, fps, relayed}          every few seconds
import { answerOffer, Links } from "./links.js";

export const KINDS = ["audio", "camera", "screen"];
const PAUSES_MS = [300, 600, 1200, 2500, 5000];
const PING_MS = 2000;
const SILENT_MS = 4500; // without a pong the network is taken for dead
const BROKEN_MS = 2500; // a connection that is "disconnected" for so long is made anew
const QUALITY_MS = 5000;
const FINAL = new Set([1000, 4001, 4003, 4004]); // coming again would not help

export class Session extends EventTarget {
  constructor({ socketUrl, token, browser = "", relayOnly = false }) {
    super();
    Object.assign(this, { socketUrl, token, browser, relayOnly });
    this.tracks = { audio: null, camera: null, screen: null }; // what we send
    this.listed = []; // the last frame `tracks`
    this.peers = new Map();
    this.failures = 0;
    this.links = new Links(this);
    this.over = false;
    for (const name of ["online", "pageshow"]) addEventListener(name, () => this.hurry());
    navigator.connection?.addEventListener?.("change", () => this.hurry());
  }

  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  open() {
    clearTimeout(this.again);
    this.tell("state", { state: "connecting" });
    const url = new URL(this.socketUrl, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      this.heard = performance.now();
      const hello = { type: "hello", token: this.token, browser: this.browser, version: 1 };
      if (this.links.alive()) hello.keep = this.links.offered;
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = (event) => socket === this.socket && this.hear(JSON.parse(event.data));
    socket.onclose = (event) => socket === this.socket && this.lost(event.code);
  }

  send(frame) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  // Show a track to the others, or stop showing it with null.
  async setTrack(kind, track) {
    this.tracks[kind] = track;
    await this.links.replace(kind, track);
    this.announce();
  }

  announce() {
    const on = Object.fromEntries(KINDS.map((kind) => [kind, Boolean(this.tracks[kind]?.enabled)]));
    this.send({ type: "media", ...on });
  }

  // To who is controlled, or who controls us; `channel` "moves" may lose some.
  control(message, channel = "control") {
    return this.links.control(message, channel);
  }

  leave(type = "leave") {
    this.send({ type });
    this.finish(1000);
  }

  // -- what comes

  hear(frame) {
    this.heard = performance.now();
    if (frame.type === "welcome") this.welcomed(frame);
    else if (frame.type === "joined") this.peers.set(frame.participant.id, frame.participant);
    else if (frame.type === "left") this.peers.delete(frame.participant);
    if (frame.type === "offer" || frame.type === "answer" || frame.type === "candidate") this.links.take(frame);
    else if (frame.type === "tracks") this.list(frame.tracks);
    else if (frame.type !== "pong") {
      if (frame.type === "joined") this.links.joined(frame.participant.id);
      if (frame.type === "left") this.links.left(frame.participant);
      this.tell(frame.type, frame);
    }
    if (frame.type === "end") this.finish(1000);
  }

  welcomed(frame) {
    this.failures = 0;
    this.you = frame.you;
    this.mode = frame.mode;
    this.ice = frame.ice;
    this.peers = new Map(frame.peers.map((peer) => [peer.id, peer]));
    this.links.begin(frame.mode);
    this.announce();
    clearInterval(this.pinging);
    this.pinging = setInterval(() => this.ping(), PING_MS);
    clearInterval(this.measuring);
    this.measuring = setInterval(() => this.measure(), QUALITY_MS);
    this.tell("state", { state: this.links.alive() ? "live" : "waiting" });
  }

  list(tracks) {
    this.listed = tracks;
    for (const entry of tracks) {
      const track = this.links.remote(entry);
      if (track) this.tell("track", { ...entry, track });
    }
  }

  // -- faults

  ping() {
    if (performance.now() - this.heard > SILENT_MS) this.drop();
    else this.send({ type: "ping" });
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.lost(1006);
  }

  lost(code) {
    clearInterval(this.pinging);
    clearInterval(this.measuring);
    if (this.over) return;
    if (FINAL.has(code)) {
      this.finish(code);
      return;
    }
    this.tell("state", { state: "away", code });
    clearTimeout(this.again);
    const pause = PAUSES_MS[Math.min(this.failures++, PAUSES_MS.length - 1)];
    this.again = setTimeout(() => this.open(), pause * (0.8 + Math.random() * 0.4));
  }

  // The network changed, or the page woke: do not wait for a timeout to find out.
  hurry() {
    if (this.over || !this.socket) return;
    if (this.socket.readyState > WebSocket.OPEN) {
      this.failures = 0;
      this.open();
    } else this.send({ type: "ping" });
  }

  broken() {
    clearTimeout(this.renewing);
    this.renewing = setTimeout(() => this.links.alive() || this.send({ type: "renew" }), BROKEN_MS);
  }

  finish(code) {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.again);
    clearInterval(this.pinging);
    clearInterval(this.measuring);
    this.links.close();
    const socket = this.socket;
    setTimeout(() => socket?.close(1000), 250); // what was sent last still goes out
    this.tell("state", { state: "over", code });
  }

  async measure() {
    const stats = await this.links.stats();
    if (!stats) return;
    this.send({ type: "quality", ...stats });
    this.tell("stats", stats);
  }
}

export { answerOffer };
