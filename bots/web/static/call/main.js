// The customer's (and a guest expert's) call page: device check -> waiting -> live -> ended.
import { announce, byId, el, toast } from "../chat/ui.js";
import { config, t } from "../chat/words.js";
import { post } from "./chat.js";
import { Devices, meter, reason } from "./devices.js";
import { tell } from "./ended.js";
import { Guide } from "./guide.js";
import { asLeaving, askConsent, levelOf, RecordingLight, showQuality, toggle } from "./live.js";
import { setUpPanel } from "./panel.js";
import { Room } from "./room.js";
import { FULL, Session } from "./session.js";
import { Stage } from "./stage.js";

const devices = new Devices();
const room = new Room(`${config.base}/room`);
const customer = config.side === "customer";
let session = null;
let stage = null;
let browser = "";
let state = { people: [], status: "" };
let stopMeter = () => {};
let muted = false;

const nameOf = (id) => state.people.find((one) => one.id === id)?.name || session?.peers.get(id)?.name || "";

// -- stages

function go(name) {
  const call = byId("call");
  if (call.dataset.stage === name) return;
  call.dataset.stage = name;
  for (const each of ["check", "wait", "live", "ended"]) byId(each).hidden = each !== name;
  if (name === "ended") byId("ended-title").focus();
  byId("chat").hidden = true;
}

// -- device check

async function check(video) {
  const fault = byId("check-fault");
  fault.hidden = true;
  try {
    await devices.open({ video });
  } catch (error) {
    fault.querySelector("span").textContent = t(`call.check.${reason(error)}`);
    fault.hidden = false;
    return;
  }
  stopMeter();
  stopMeter = meter(devices.mic, (level) => (byId("level").value = level));
  byId("meter").hidden = false;
  preview();
  byId("open-video").hidden = video;
  byId("open-voice").hidden = !video;
  byId("enter").hidden = false;
  byId("enter").focus();
}

function preview() {
  const shown = byId("preview-video");
  shown.hidden = !devices.camera;
  shown.srcObject = devices.camera && new MediaStream([devices.camera]);
  shown.classList.toggle("is-mirrored", devices.mirrored);
  byId("preview-text").hidden = Boolean(devices.camera);
  byId("preview-flip").hidden = !devices.camera;
}

byId("open-video").addEventListener("click", () => check(true));
byId("open-voice").addEventListener("click", () => check(false));
byId("preview-flip").addEventListener("click", async () => {
  await devices.flip().catch(() => {});
  preview();
});

byId("enter").addEventListener("click", async () => {
  byId("enter").setAttribute("aria-busy", "true");
  try {
    ({ browser } = await post("enter"));
    sessionStorage.setItem(`call:${config.me}`, devices.camera ? "video" : "voice");
    begin();
  } catch (error) {
    byId("check-fault").querySelector("span").textContent = error.message;
    byId("check-fault").hidden = false;
  } finally {
    byId("enter").removeAttribute("aria-busy");
  }
});

function begin() {
  stopMeter();
  room.open();
  go("wait");
}

// -- waiting

room.addEventListener("state", ({ detail }) => {
  const before = state.status;
  state = detail;
  if (customer && !room.waiting && ["scheduled", "invited", "waiting"].includes(detail.status)) room.wait();
  if (detail.status === "live") join();
  else if (detail.status === "ended") ended();
  else if (detail.status === "missed" || detail.status === "cancelled") over(settled || t(`call.over.${detail.status}`));
  else if (byId("call").dataset.stage !== "check") waiting(detail);
  if (before && before !== detail.status && byId("call").dataset.stage === "wait") announce(byId("wait-title").textContent);
});
room.addEventListener("refused", () => location.reload());
room.addEventListener("error", ({ detail }) => !detail.id && detail.text && toast(detail.text));
room.addEventListener("online", ({ detail }) => {
  if (byId("call").dataset.stage === "wait") byId("wait").classList.toggle("is-offline", !detail);
});

function waiting({ wait, staff, scheduled }) {
  go("wait");
  if (!wait) return;
  byId("wait-title").textContent = wait.ahead ? t("call.wait.ahead", { n: wait.ahead }) : t("call.wait.next");
  const lines = [];
  if (scheduled) lines.push(t("call.wait.scheduled", { at: scheduled }));
  if (!wait.open) lines.push(wait.opens ? t("call.wait.closed", { opens: wait.opens }) : t("call.wait.closed_all"));
  else if (wait.minutes) lines.push(t("call.wait.usual", { minutes: wait.minutes }));
  else if (wait.staffed && staff) lines.push(t("call.wait.staff", { name: staff }));
  else lines.push(t(wait.staffed ? "call.wait.unknown" : "call.wait.nobody"));
  byId("wait-text").textContent = lines.join(" ");
  if ((wait.offered || !wait.open) && byId("instead").hidden) offer();
}

async function offer() {
  byId("instead").hidden = false;
  const answer = await fetch(`${config.base}/offers`).then((each) => each.json());
  byId("instead-phone-field").hidden = Boolean(answer.phone);
  if (answer.phone) byId("instead-callback-text").textContent = t("call.instead.callback_to", { phone: answer.phone });
  byId("instead-visit").hidden = !answer.days.length;
  const slots = answer.days.flatMap((day) => day.slots);
  byId("slots").replaceChildren(...slots.map((slot) => el("li", {}, el("button", { type: "button", class: "chip", onclick: () => instead("visit", { at: slot.at }) }, slot.text))));
}

let settled = ""; // what was arranged instead of the call, which is called off with it
async function instead(path, values) {
  try {
    settled = (await post(path, values)).text;
    over(settled);
  } catch (error) {
    toast(error.message);
  }
}

byId("instead-callback").addEventListener("submit", (event) => {
  event.preventDefault();
  instead("callback", { phone: byId("instead-phone").value });
});
byId("wait-leave").addEventListener("click", () => room.send({ type: "end" }));

// -- the call

async function join() {
  if (session) return;
  go("live");
  session = new Session({ socketUrl: config.socket, token: config.token, browser });
  stage = new Stage(session, { me: config.me, nameOf, prefer });
  listen();
  await ownTracks();
  session.open();
  controls();
}

// Customers see what they show, for that is what is spoken of; the other's face is the small picture.
function prefer({ participant, kind }) {
  if (kind === "screen" && participant === config.me) return -1;
  if (kind === "screen") return 50;
  if (participant === config.me) return devices.facing === "environment" && customer ? 40 : 10;
  return 30;
}

function listen() {
  const light = new RecordingLight(byId("recording"), byId("recording-text"), () => t(devices.camera ? "call.kind.video" : "call.kind.voice"));
  stage.arranged = () => light.tick();
  session.addEventListener("welcome", ({ detail }) => {
    light.mode = detail.mode;
    light.set(detail.recording.state, detail.recording.since);
    held(detail.held);
    away(false);
  });
  session.addEventListener("recording", ({ detail }) => light.set(detail.state, detail.since));
  byId("recording").onclick = () => {
    session.send({ type: "recording", state: "refuse" }); // agreeing is taken back, and with it the recording
    toast(t("call.recording.stopped"));
  };
  askConsent(session, config.me, (by) => t("call.consent.who", { company: config.company, name: nameOf(by) }));
  session.addEventListener("state", ({ detail }) => {
    away(detail.state === "away");
    if (detail.code === FULL) over(t("call.over.full"));
    else if (detail.state === "over" && detail.code !== 1000) setTimeout(() => state.status === "live" && location.reload(), 800);
  });
  session.addEventListener("hold", ({ detail }) => detail.participant === config.me && held(detail.on));
  session.addEventListener("mute", ({ detail }) => detail.participant === config.me && detail.on && setMuted(true));
  session.addEventListener("stats", ({ detail }) => showQuality(byId("quality"), byId("quality-text"), levelOf(detail)));
  session.addEventListener("end", () => setTimeout(ended, 400));
  session.addEventListener("joined", ({ detail }) => announce(t("call.joined", { name: detail.participant.name })));
  new Guide(session, byId("guide"), byId("guide-page"), { leads: false });
}

function away(on) {
  byId("away").hidden = !on;
}

function held(on) {
  byId("held").hidden = !on;
}

async function ownTracks() {
  viewed();
  await session.setTrack("audio", devices.mic);
  await session.setTrack("camera", devices.camera);
  stage.own("camera", devices.camera, devices.mirrored);
  voice();
}

function voice() {
  const other = state.staff || state.people.find((one) => one.id !== config.me)?.name || "";
  byId("voice-text").textContent = t("call.voice", { name: other });
  byId("voice-face").textContent = other.slice(-2);
}

function setMuted(on) {
  muted = on;
  if (devices.mic) devices.mic.enabled = !on;
  session.announce();
  toggle(byId("mic"), on, t(on ? "call.mic.on" : "call.mic.off"), on ? "mic-off" : "mic");
}

async function setCamera(on) {
  if (on) await devices.startCamera().catch((error) => toast(t(`call.check.${reason(error)}`)));
  else devices.stop("camera");
  await showCamera();
}

function viewed() {
  session.view = { facing: devices.looks, torch: Boolean(devices.camera) && devices.light };
}

async function showCamera() {
  viewed();
  await session.setTrack("camera", devices.camera);
  stage.own("camera", devices.camera, devices.mirrored);
  const on = Boolean(devices.camera);
  toggle(byId("camera"), !on, t(on ? "call.camera.off" : "call.camera.on"), on ? "video" : "video-off");
  byId("flip").hidden = !on;
  byId("torch").hidden = !devices.hasLight;
  toggle(byId("torch"), devices.light, t(devices.light ? "call.torch.on" : "call.torch.off"));
  room.act("camera", { on, facing: devices.facing });
}

function controls() {
  toggle(byId("mic"), false, t("call.mic.off"));
  byId("screen").hidden = !devices.canShareScreen;
  showCamera();
  byId("mic").onclick = () => setMuted(!muted);
  byId("camera").onclick = () => setCamera(!devices.camera);
  byId("flip").onclick = () => devices.flip().then(showCamera, (error) => toast(t(`call.check.${reason(error)}`)));
  byId("torch").onclick = async () => {
    await devices.setLight(!devices.light).catch(() => toast(t("call.torch.none")));
    toggle(byId("torch"), devices.light, t(devices.light ? "call.torch.on" : "call.torch.off"));
    viewed();
    session.announce();
    room.act("torch", { on: devices.light });
  };
  byId("screen").onclick = shareScreen;
  byId("speaker").onclick = chooseSpeaker;
  byId("unmute").onclick = () => {
    stage.resumeSound();
    byId("unmute").hidden = true;
  };
  byId("hang-up").onclick = () => {
    byId("sure").returnValue = "no";
    byId("sure").showModal();
  };
}
if (!customer) asLeaving(byId("sure")); // a guest's going ends nothing

byId("sure").addEventListener("close", () => {
  if (byId("sure").returnValue !== "yes") return;
  if (customer) room.send({ type: "end" });
  session?.leave(customer ? "end" : "leave");
  if (customer) ended();
  else over(t("call.over.left"));
});

async function shareScreen() {
  if (devices.screen) devices.stop("screen");
  else {
    const track = await devices.startScreen().catch(() => null);
    track?.addEventListener("ended", () => session.setTrack("screen", null).then(() => shown()));
  }
  await session.setTrack("screen", devices.screen);
  shown();
}

function shown() {
  if (devices.screen?.readyState === "ended") devices.screen = null;
  stage.own("screen", devices.screen); // seen here only while somebody points at it
  toggle(byId("screen"), Boolean(devices.screen), t(devices.screen ? "call.screen.stop" : "call.screen.start"));
}

async function chooseSpeaker() {
  const found = "setSinkId" in HTMLMediaElement.prototype ? await devices.list("audiooutput") : [];
  if (!found.length) {
    toast(t("call.speaker_none"));
    stage.resumeSound();
    return;
  }
  byId("speaker-list").replaceChildren(
    ...found.map((one, at) => el("button", { class: "btn btn--block", value: one.deviceId }, one.label || `${t("call.speaker")} ${at + 1}`)),
  );
  byId("speakers").showModal();
}
byId("speakers").addEventListener("close", () => byId("speakers").returnValue && stage.setSink(byId("speakers").returnValue));

setUpPanel(room);

// -- the end

function ended() {
  release();
  byId("rating").hidden = !customer;
  go("ended");
  if (state.ended) tell(state.ended, state);
}

function over(text) {
  release();
  go("ended");
  byId("ended-title").textContent = text;
  byId("rating").hidden = byId("ended-facts").hidden = true;
}

function release() {
  session?.finish(1000);
  devices.stop();
}

addEventListener("pagehide", () => devices.stop());

// Coming back after a reload: the same devices, without asking again.
const kept = sessionStorage.getItem(`call:${config.me}`);
if (kept) {
  post("enter")
    .then(async (answer) => {
      ({ browser } = answer);
      await devices.open({ video: kept === "video" }).catch(() => {});
      begin();
    })
    .catch(() => sessionStorage.removeItem(`call:${config.me}`));
}
document.documentElement.dataset.ready = "";
