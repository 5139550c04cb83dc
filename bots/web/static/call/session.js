// A call without a page: the socket, the peer connections, and coming back after a fault. docs/live-support.md
// tells the frames. A page listens to events named as the frames, and to
//   state   {state: "connecting"|"waiting"|"live"|"away"|"over", code}
//   track   {participant, kind, mid, track, on}   whenever one comes or changes
//   stats   {loss, rtt_ms, fps, relayed}          every few seconds
import { answerOffer, Links } from "./links.js";

export const KINDS = ["audio", "camera", "screen"];
const FIRST_PAUSE_MS = 150; // before coming again after a fault; twice as long each time
const SOON_MS = 15_000; // for so long after a fault no pause is longer than
const SOON_PAUSE_MS = 700; // this, and then
const LONGEST_PAUSE_MS = 5000;
const CONNECT_MS = [3000, 5000, 10_000]; // a socket that does not open: longer each time, for slow networks
const WELCOME_MS = 9000; // after `hello`: the server waits 5 s for a process of its own
const PING_MS = 600;
const SILENT_MS = 2200; // without a word for so long the network is taken for dead: within 2.8 s
const PROBE_MS = 1200; // the same when something told that the network changed
const BROKEN_MS = 700; // a connection that is "disconnected" (2.5 s without a packet) for so long is made anew
const QUIET_MS = 1200; // two pongs are missing: look whether packets still come
const STALLED_MS = 1300; // none came for so long: the connection is made anew
const QUALITY_MS = 5000;
export const FULL = 4004; // every seat of the room is taken
const FINAL = new Set([1000, 4001, 4003, FULL]); // coming again would not help

export class Session extends EventTarget {
  constructor({ socketUrl, token, browser = "", relayOnly = false }) {
    super();
    Object.assign(this, { socketUrl, token, browser, relayOnly });
    this.tracks = { audio: null, camera: null, screen: null }; // what we send
    this.view = { facing: "", torch: false }; // of our camera: "user", "environment" or "", and its light
    this.listed = []; // the last frame `tracks`
    this.peers = new Map();
    this.failures = 0;
    this.links = new Links(this);
    this.over = false;
    for (const name of ["online", "pageshow"]) addEventListener(name, () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    navigator.connection?.addEventListener?.("change", () => this.hurry());
  }

  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  open() {
    clearTimeout(this.again);
    this.forget();
    if (!this.you) this.tell("state", { state: "connecting" });
    const url = new URL(this.socketUrl, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    this.socket = socket;
    this.opened = performance.now();
    const patience = CONNECT_MS[Math.min(this.failures, CONNECT_MS.length - 1)];
    this.limit = setTimeout(() => this.drop(), patience);
    socket.onopen = () => {
      if (socket !== this.socket) return;
      clearTimeout(this.limit);
      this.limit = setTimeout(() => this.drop(), WELCOME_MS);
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
    this.send({ type: "media", ...on, ...this.view });
  }

  // To who is controlled, or who controls us; `channel` "moves" may lose some.
  control(message, channel = "control") {
    return this.links.control(message, channel);
  }

  // Say `hello` again, as who we became; media go on.
  rejoin() {
    if (!this.over && this.opened) this.open();
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
    clearTimeout(this.limit);
    this.failures = 0;
    this.faulty = null;
    this.you = frame.you;
    this.mode = frame.mode;
    this.ice = frame.ice;
    this.peers = new Map(frame.peers.map((peer) => [peer.id, peer]));
    this.links.begin(frame.mode);
    this.announce();
    clearInterval(this.pinging);
    this.ticked = performance.now();
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
    const now = performance.now();
    const late = now - this.ticked > 2 * PING_MS; // the page slept: it could not hear anything
    this.ticked = now;
    if (now - this.heard > QUIET_MS) this.watch();
    if (late) this.probe();
    else if (now - this.heard > SILENT_MS) this.drop();
    else this.send({ type: "ping" });
  }

  // Is anybody there? Without an answer soon the socket is dead.
  probe() {
    this.send({ type: "ping" });
    if (this.probing) return;
    const asked = performance.now();
    this.probing = setTimeout(() => {
      this.probing = 0;
      if (this.heard < asked) this.drop();
    }, PROBE_MS);
  }

  // Let go of the socket, whatever it does.
  forget() {
    const socket = this.socket;
    this.socket = null;
    clearInterval(this.pinging);
    clearInterval(this.measuring);
    clearTimeout(this.limit);
    clearTimeout(this.probing);
    this.probing = 0;
    socket?.close();
  }

  drop() {
    this.forget();
    this.lost(1006);
  }

  lost(code) {
    this.forget();
    if (this.over) return;
    if (FINAL.has(code)) {
      this.finish(code);
      return;
    }
    this.tell("state", { state: "away", code });
    clearTimeout(this.again);
    this.again = setTimeout(() => this.open(), this.pause());
  }

  pause() {
    const now = performance.now();
    this.faulty ??= now;
    const longest = now - this.faulty < SOON_MS ? SOON_PAUSE_MS : LONGEST_PAUSE_MS;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.failures++, 10), longest);
    return pause * (0.7 + Math.random() * 0.6); // or every page of a dead process would come at once
  }

  // The network changed, or the page woke: do not wait for a timeout to find out.
  hurry() {
    if (this.over || !this.opened) return;
    const state = this.socket?.readyState;
    if (state === WebSocket.OPEN) this.probe();
    else if (state !== WebSocket.CONNECTING || performance.now() - this.opened > PROBE_MS) {
      this.failures = 0;
      this.faulty = null;
      this.open();
    }
    this.watch();
  }

  // Do packets still come, or did the network change beneath us?
  async watch() {
    if (this.mode !== "forward" || this.watching) return;
    this.watching = true;
    const before = await this.links.received();
    await new Promise((done) => setTimeout(done, STALLED_MS));
    if (before !== null && (await this.links.received()) === before) this.renew();
    this.watching = false;
  }

  // The connection is "disconnected", or failed for good.
  broken(failed) {
    clearTimeout(this.renewing);
    this.renewing = setTimeout(() => this.links.alive() || this.renew(), failed ? 0 : BROKEN_MS);
  }

  renew() {
    if (this.over) return;
    this.links.stale = true; // a `hello` that comes first does not keep it either
    this.send({ type: "renew" });
  }

  finish(code) {
    if (this.over) return;
    this.over = true;
    for (const timer of [this.again, this.limit, this.probing, this.renewing]) clearTimeout(timer);
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
