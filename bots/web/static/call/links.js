// Peer connections: one to the server (mode "forward", it makes every offer), or one to each participant
// (mode "peer", whoever was there first makes the offer).
const KINDS = ["audio", "camera", "screen"];
const CONTROL = { negotiated: true, id: 1 };
const MOVES = { negotiated: true, id: 3, ordered: false, maxRetransmits: 0 };
const SERVER = "server";

export class Links {
  constructor(session) {
    this.session = session;
    this.open = new Map(); // by participant, or SERVER: {pc, remote: {mid: track}, queue}
    this.offered = 0;
    this.counted = { lost: 0, received: 0 };
  }

  begin(mode) {
    if (this.mode && this.mode !== mode) this.close();
    this.mode = mode;
  }

  alive() {
    return !this.stale && [...this.open.values()].some(({ pc }) => pc.connectionState === "connected");
  }

  // A number that rises with whatever the other side sends; null without a connection.
  async received() {
    let sum = null;
    for (const { pc } of this.open.values())
      for (const entry of (await pc.getStats()).values())
        if (entry.type === "candidate-pair")
          sum = (sum ?? 0) + (entry.bytesReceived ?? 0) + (entry.responsesReceived ?? 0);
    return sum;
  }

  close() {
    for (const link of this.open.values()) link.pc.close();
    this.open.clear();
  }

  left(participant) {
    this.open.get(participant)?.pc.close();
    this.open.delete(participant);
  }

  joined(participant) {
    if (this.mode === "peer") this.offer(participant);
  }

  make(key) {
    this.open.get(key)?.pc.close();
    this.stale = false;
    const pc = new RTCPeerConnection({
      iceServers: this.session.ice ?? [],
      bundlePolicy: "max-bundle",
      iceTransportPolicy: this.session.relayOnly ? "relay" : "all",
    });
    const link = { pc, remote: {}, queue: Promise.resolve() };
    link.control = pc.createDataChannel("control", CONTROL);
    link.moves = pc.createDataChannel("moves", MOVES);
    link.control.binaryType = link.moves.binaryType = "arraybuffer";
    for (const channel of [link.control, link.moves])
      channel.onmessage = (event) =>
        this.session.tell("input", { channel: channel.label, data: event.data, from: key });
    pc.onconnectionstatechange = () => this.changed(link, key);
    pc.ontrack = ({ track, transceiver }) => {
      link.remote[this.mid(transceiver, pc)] = track;
      this.session.list(this.session.listed);
    };
    this.open.set(key, link);
    return link;
  }

  // In mode "peer" the sections have their kinds in order, in "forward" names that the server gave.
  mid(transceiver, pc) {
    return this.mode === "peer" ? KINDS[pc.getTransceivers().indexOf(transceiver)] : transceiver.mid;
  }

  changed(link, key) {
    if (this.open.get(key) !== link) return;
    const state = link.pc.connectionState;
    if (state === "connected") this.session.tell("state", { state: "live" });
    else if (state === "failed" || state === "disconnected") {
      this.session.tell("state", { state: "away" });
      if (this.mode === "forward") this.session.broken(state === "failed");
      else if (state === "failed") this.offer(key);
    }
  }

  remote({ participant, mid }) {
    return this.open.get(this.mode === "peer" ? participant : SERVER)?.remote[mid];
  }

  take(frame) {
    const key = this.mode === "peer" ? frame.from : SERVER;
    if (frame.type === "offer" && (frame.fresh || this.mode === "peer" || !this.open.has(key))) this.make(key);
    const link = this.open.get(key);
    if (!link) return;
    link.queue = link.queue.then(() => this.process(link, key, frame)).catch((fault) => console.warn(fault));
  }

  async process(link, key, frame) {
    if (link.pc.signalingState === "closed") return;
    if (frame.type === "candidate") {
      if (frame.candidate) await link.pc.addIceCandidate(frame.candidate);
    } else if (frame.type === "answer") {
      await link.pc.setRemoteDescription({ type: "answer", sdp: frame.sdp });
    } else if (this.mode === "forward") {
      this.offered = frame.n;
      if (frame.tracks) this.session.listed = frame.tracks;
      const sdp = await answerOffer(link.pc, frame.sdp, this.session.tracks);
      this.session.send({ type: "answer", n: frame.n, sdp });
    } else {
      this.trickle(link, key);
      await link.pc.setRemoteDescription({ type: "offer", sdp: frame.sdp });
      const media = link.pc.getTransceivers();
      for (const [index, kind] of KINDS.entries()) {
        media[index].direction = "sendrecv";
        await media[index].sender.replaceTrack(this.session.tracks[kind]);
      }
      await link.pc.setLocalDescription();
      this.session.send({ type: "answer", to: key, sdp: link.pc.localDescription.sdp });
    }
  }

  async offer(participant) {
    const link = this.make(participant);
    this.trickle(link, participant);
    for (const kind of KINDS) {
      const track = this.session.tracks[kind];
      link.pc.addTransceiver(track ?? (kind === "audio" ? "audio" : "video"), { direction: "sendrecv" });
    }
    await link.pc.setLocalDescription();
    this.session.send({ type: "offer", to: participant, sdp: link.pc.localDescription.sdp });
  }

  trickle(link, participant) {
    link.pc.onicecandidate = ({ candidate }) =>
      this.session.send({ type: "candidate", to: participant, candidate: candidate?.toJSON() ?? null });
  }

  async replace(kind, track) {
    for (const { pc } of this.open.values()) {
      const media = pc.getTransceivers();
      const at = this.mode === "peer" ? media[KINDS.indexOf(kind)] : media.find(({ mid }) => mid === kind);
      await at?.sender.replaceTrack(track);
    }
  }

  control(message, channel = "control") {
    let sent = false;
    for (const { [channel]: pipe } of this.open.values())
      if (pipe.readyState === "open") {
        pipe.send(message);
        sent = true;
      }
    return sent;
  }

  // Loss of what we hear, the round trip, the pictures a second, and whether a TURN server is between.
  async stats() {
    const found = { lost: 0, received: 0, rtt: 0, fps: 0, relayed: false };
    for (const { pc } of this.open.values()) {
      const report = await pc.getStats();
      for (const entry of report.values()) {
        if (entry.type === "inbound-rtp") {
          found.lost += entry.packetsLost ?? 0;
          found.received += entry.packetsReceived ?? 0;
          found.fps = Math.max(found.fps, entry.framesPerSecond ?? 0);
        } else if (entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded") {
          found.rtt = Math.max(found.rtt, entry.currentRoundTripTime ?? 0);
          found.relayed ||= report.get(entry.localCandidateId)?.candidateType === "relay";
        }
      }
    }
    if (!this.open.size) return null;
    const lost = Math.max(0, found.lost - this.counted.lost);
    const received = Math.max(0, found.received - this.counted.received);
    this.counted = found;
    const loss = lost + received ? lost / (lost + received) : 0;
    return { loss, rtt_ms: Math.round(found.rtt * 1000), fps: found.fps, relayed: found.relayed };
  }
}

// Answer an offer of the server; `tracks` is what we send by kind.
export async function answerOffer(pc, sdp, tracks) {
  await pc.setRemoteDescription({ type: "offer", sdp });
  for (const transceiver of pc.getTransceivers()) {
    if (!KINDS.includes(transceiver.mid)) continue;
    transceiver.direction = "sendonly";
    await transceiver.sender.replaceTrack(tracks[transceiver.mid] ?? null);
  }
  await pc.setLocalDescription();
  return pc.localDescription.sdp;
}
