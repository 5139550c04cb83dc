// The staff's call page: lobby with the link -> live, with drawing, photos, hold, experts and recording.
import { byId, el, newId, toast } from "../chat/ui.js";
import { config, t } from "../chat/words.js";
import { act, tried } from "./acts.js";
import { Chat, sendFile } from "./chat.js";
import { setUpColleagues } from "./colleagues.js";
import { Devices, reason } from "./devices.js";
import { Guide } from "./guide.js";
import { asLeaving, askConsent, elapsed, levelOf, RecordingLight, showQuality, toggle } from "./live.js";
import { Pen } from "./marks.js";
import { setUpNotes } from "./notes.js";
import { Remote } from "./remote.js";
import { Room } from "./room.js";
import { FULL, Session } from "./session.js";
import { Sharing } from "./sharing.js";
import { Stage } from "./stage.js";

const devices = new Devices();
devices.facing = "user";
const room = new Room(`${config.base}/room`);
let state = { people: [], status: byId("call").dataset.stage };
let session = null;
let stage = null;
let pen = null;
let guide = null;
let remote = null;
let sharing = null;
let muted = false;
let began = Date.now();
const DEPART_MS = 3000; // to say that we go; without it the seat is kept for half a minute
let gave = false; // the session is somebody else's: we go once they came

const nameOf = (id) => state.people.find((one) => one.id === id)?.name || session?.peers.get(id)?.name || "";
const mine = () => state.people.find((one) => one.id === config.me)?.side ?? config.side;
const customer = () => state.people.find((one) => one.side === "customer")?.id ?? "";

// -- the lobby

room.addEventListener("state", ({ detail }) => {
  const before = mine();
  state = detail;
  byId("call").dataset.stage = detail.status;
  if (session && mine() !== before) session.rejoin(); // with the rights of the new side
  if (gave && state.people.some((one) => one.side === "staff" && one.here && one.id !== config.me)) depart();
  if (detail.status === "waiting") tried(act("live_take"));
  if (detail.status === "live") join();
  if (["ended", "missed", "cancelled"].includes(detail.status)) leave();
});
room.addEventListener("refused", () => going || location.reload());
room.addEventListener("error", ({ detail }) => !detail.id && detail.text && toast(detail.text));

async function showLink() {
  const answer = await fetch(`/desk/api/calls/${config.live}/qr`).then((one) => one.json());
  byId("qr").innerHTML = answer.svg;
  byId("qr-link").textContent = answer.link;
}
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(byId("qr-link").textContent).catch(() => getSelection().selectAllChildren(byId("qr-link")));
  toast(t("call.desk.copied"));
});
byId("renew").addEventListener("click", () => tried(act("live_renew").then(showLink)));

// -- the call

async function join() {
  if (session) return;
  byId("lobby").hidden = true;
  byId("tools").hidden = byId("same").hidden = false;
  began = state.started ? new Date(state.started).getTime() : Date.now();
  session = new Session({ socketUrl: config.socket, token: config.token, browser: config.browser });
  stage = new Stage(session, { me: config.me, nameOf, prefer });
  pen = new Pen(stage.marks, (frame) => session.send(frame));
  guide = new Guide(session, byId("guide"), byId("guide-page"), { leads: true });
  remote = new Remote(session, stage, byId("typed"), controlling);
  sharing = new Sharing(session, remote);
  listen();
  await devices.open({ video: true, facing: "user" }).catch(() => devices.open({ video: false })).catch((error) => toast(t(`call.check.${reason(error)}`)));
  await session.setTrack("audio", devices.mic);
  await session.setTrack("camera", devices.camera);
  stage.own("camera", devices.camera, true);
  session.open();
  choose("point");
}

// What the customer shows is large, our own face small; the desktop agent's screen before all.
function prefer({ participant, kind }) {
  if (participant === config.me) return kind === "screen" ? -1 : 1;
  return (kind === "screen" ? 60 : 40) + (participant === customer() ? 5 : 0);
}

function listen() {
  const light = new RecordingLight(byId("recording"), byId("recording-text"), () => t("call.recording.never"));
  const recording = (detail, mode) => {
    if (mode) light.mode = mode;
    light.set(detail.state, detail.since);
    byId("recording").hidden = detail.state !== "on" && light.mode !== "peer";
    byId("agreed").hidden = detail.state !== "on";
    agreed();
    byId("record").disabled = light.mode === "peer" || detail.state === "asked";
    const words = { on: "call.recording.stop", asked: "call.desk.record_asked" }[detail.state] ?? "call.desk.record";
    byId("record").querySelector("span").textContent = t(words);
    byId("record").dataset.state = detail.state;
    if (light.was === "asked" && detail.state === "off") toast(t("call.desk.record_refused"));
    if (light.was === "on" && detail.state === "off" && detail.by === customer()) toast(t("call.desk.record_stopped"));
    light.was = detail.state;
  };
  session.addEventListener("welcome", ({ detail }) => {
    recording(detail.recording, detail.mode);
    if (detail.mode === "peer") toast(t("call.desk.peer"));
  });
  session.addEventListener("recording", ({ detail }) => recording(detail));
  for (const name of ["joined", "left"]) session.addEventListener(name, agreed);
  session.addEventListener("state", ({ detail }) => {
    byId("away").hidden = detail.state !== "away";
    if (detail.code === FULL) toast(t("call.over.full"));
    else if (detail.state === "over" && detail.code !== 1000) setTimeout(() => state.status === "live" && !going && location.reload(), 800);
  });
  session.addEventListener("stats", ({ detail }) => {
    const level = levelOf(detail);
    showQuality(byId("quality"), byId("quality-text"), level);
    const words = { level: t(`call.quality.${level}`), fps: Math.round(detail.fps ?? 0) };
    byId("quality-text").textContent = t(detail.fps ? "call.desk.fps" : "call.desk.quality", words);
  });
  session.addEventListener("track", ({ detail }) => {
    if (detail.kind !== "camera" || detail.participant !== customer()) return;
    looks = detail.facing ?? "";
    byId("torch-on").hidden = !(detail.on && detail.torch);
    shows();
  });
  session.addEventListener("hold", ({ detail }) => detail.participant === customer() && held(detail.on));
  session.addEventListener("end", () => leave());
  session.addEventListener("error", ({ detail }) => detail.code === "not_recordable" && toast(t("call.desk.peer")));
  askConsent(session, config.me, (by) => t("call.consent.who", { company: config.company, name: nameOf(by) }));
  stage.main.addEventListener("resize", shows);
}

// A recording runs only while everybody who is here agreed; the desktop agent is nobody.
function agreed() {
  const others = [...session.peers.values()].filter((one) => one.role !== "agent").length;
  byId("agreed").lastElementChild.textContent = t("call.desk.allagreed", { n: others + 1 });
}

let looks = ""; // which way the customer's camera looks
function shows() {
  const chip = byId("shows");
  chip.hidden = !stage.large || stage.large.participant === config.me;
  chip.querySelector("span").textContent = t(stage.large?.kind === "screen" ? "call.desk.screen" : CAMERAS[looks] ?? "call.desk.camera");
}

const CAMERAS = { user: "call.desk.front", environment: "call.desk.rear" };

function controlling(on) {
  byId("controlling").hidden = !on;
  sharing?.show(on);
  toggle(byId("control"), on, t(on ? "call.desk.control_stop" : "call.desk.control"));
}

function held(on) {
  byId("held").hidden = !on;
  toggle(byId("hold"), on, t(on ? "call.desk.resume" : "call.desk.pause"), on ? "play" : "pause");
}

// Go, and let the others talk on.
function depart() {
  gave = false;
  let left = false;
  const go = () => {
    if (left) return;
    left = true;
    session?.leave();
    devices.stop();
    setTimeout(toRecord, 400); // the word is still on its way
  };
  if (!session || session.send({ type: "ping" })) go();
  else {
    session.addEventListener("welcome", go, { once: true }); // it is coming again, as who we became
    setTimeout(go, DEPART_MS);
  }
}

function leave() {
  session?.finish(1000);
  devices.stop();
  toRecord();
}

// The end is told by the call, by the room and by our own act's answer: a second way there would break off
// the first, and ask for the page again.
let going = false;
function toRecord() {
  if (going) return;
  going = true;
  location.assign(`/desk/calls/${config.live}`);
}

// -- tools

function choose(name) {
  if (!pen) return;
  if (name === "freeze") return freeze();
  if (name === "photo") return photo();
  if (name === "undo") return pen.undo();
  if (name === "clear") return pen.clear();
  pen.tool = name;
  byId("stage").dataset.drawing = name;
  for (const button of document.querySelectorAll(".tool")) {
    if (["point", "arrow", "circle", "pen"].includes(button.dataset.tool)) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  }
  return undefined;
}

function freeze() {
  const on = !stage.frozen;
  stage.freeze(on);
  const frame = { type: "mark", id: "freeze", act: on ? "freeze" : "unfreeze", of: stage.marks.of, track: stage.marks.track, points: [], color: null };
  session.send(frame);
  document.querySelector('[data-tool="freeze"]').setAttribute("aria-pressed", String(on));
}

let photos = 0;
async function photo() {
  const picture = await stage.photo();
  if (!picture) return;
  const at = elapsed(began);
  try {
    const kept = await sendFile(picture, "photo");
    photos += 1;
    byId("photo-count").textContent = t("call.desk.photos", { n: photos });
    const image = el("img", { src: URL.createObjectURL(picture), alt: `${t("call.desk.photo_saved")} ${at}` });
    byId("photos").append(el("li", {}, image, el("time", {}, at)));
    chat.note(t(kept.request ? "call.desk.photo_saved" : "call.desk.photo_saved_note"));
  } catch (error) {
    toast(error.message);
  }
}
byId("take-photo").addEventListener("click", photo);
byId("tools").addEventListener("click", (event) => {
  const button = event.target.closest("[data-tool]");
  if (button) choose(button.dataset.tool);
});
const KEYS = { 1: "point", 2: "arrow", 3: "circle", 4: "pen", f: "freeze", s: "photo", z: "undo", x: "clear" };
addEventListener("keydown", (event) => {
  if (event.target.closest("input, textarea, dialog") || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const name = KEYS[event.key.toLowerCase()];
  if (name) choose(name);
});

// -- controls

byId("mic").onclick = () => {
  muted = !muted;
  if (devices.mic) devices.mic.enabled = !muted;
  session?.announce();
  toggle(byId("mic"), muted, t(muted ? "call.mic.on" : "call.mic.off"), muted ? "mic-off" : "mic");
};
byId("camera").onclick = async () => {
  if (devices.camera) devices.stop("camera");
  else await devices.startCamera().catch((error) => toast(t(`call.check.${reason(error)}`)));
  await session?.setTrack("camera", devices.camera);
  stage?.own("camera", devices.camera, true);
  const on = Boolean(devices.camera);
  toggle(byId("camera"), !on, t(on ? "call.desk.my_camera" : "call.desk.my_camera_on"), on ? "video" : "video-off");
};
byId("screen").onclick = async () => {
  if (devices.screen) devices.stop("screen");
  else {
    const track = await devices.startScreen().catch(() => null);
    track?.addEventListener("ended", () => byId("screen").onclick());
  }
  await session?.setTrack("screen", devices.screen);
  stage?.own("screen", devices.screen);
  toggle(byId("screen"), Boolean(devices.screen), t(devices.screen ? "call.screen.stop" : "call.screen.start"));
};
byId("hold").onclick = () => session?.send({ type: "hold", participant: customer(), on: byId("held").hidden });
byId("record").onclick = () => {
  if (byId("record").dataset.state === "on") return session?.send({ type: "recording", state: "stop" });
  byId("ask-record").returnValue = "";
  return byId("ask-record").showModal();
};
byId("ask-record").addEventListener("close", () => {
  if (byId("ask-record").returnValue === "ask") session?.send({ type: "recording", state: "ask" });
});
byId("unmute").onclick = () => {
  stage.resumeSound();
  byId("unmute").hidden = true;
};
byId("hang-up").onclick = () => {
  asLeaving(byId("sure"), mine() === "expert");
  byId("sure").returnValue = "no";
  byId("sure").showModal();
};
byId("sure").addEventListener("close", () => {
  if (byId("sure").returnValue !== "yes") return;
  if (mine() === "expert") depart();
  else if (session) {
    session.send({ type: "end" });
    tried(act("live_end")).then(leave);
  } else tried(act("live_cancel")).then(leave);
});

// -- colleagues and pages

setUpColleagues((given) => {
  gave = given;
});
byId("control").onclick = async () => {
  if (remote?.agent) {
    remote.stop();
    return;
  }
  if (remote?.present) {
    remote.met(remote.present);
    toast(t("call.desk.control_again"));
    return;
  }
  const answer = await fetch(`/desk/api/calls/${config.live}/code`, { method: "POST", headers: { "x-csrf-token": config.csrf } });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    toast(said.text ?? t("call.fault.other"));
    return;
  }
  room.say(newId(), t("call.desk.control_text", said));
  toast(t("call.desk.control_sent", said));
};
byId("guide-open").onclick = () => {
  byId("pages").returnValue = "";
  byId("pages").showModal();
};
byId("pages").addEventListener("close", () => {
  const page = byId("pages").returnValue;
  if (!page || !guide) return;
  guide.open(page);
  room.act("guided", { page });
});
byId("guide-end").onclick = () => guide.open("");

// -- chat and notes

const chat = new Chat(room);
setUpNotes(chat);

showLink();
room.open();
document.documentElement.dataset.ready = "";
