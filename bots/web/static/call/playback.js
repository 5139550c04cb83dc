// Playing a recording: every file on one clock, marks where they were drawn, jumps by act.
import { pathOf, pictureIn } from "./marks.js";

const player = document.getElementById("player");
const figures = [...(player?.querySelectorAll("figure") ?? [])].map((element) => ({
  element,
  video: element.querySelector("video"),
  layer: element.querySelector("svg"),
  offset: Number(element.dataset.offset),
  length: Number(element.dataset.length),
}));
const seek = document.getElementById("seek");
const button = document.getElementById("play");
const acts = [...document.querySelectorAll("#acts li")];
const APART_S = 0.3; // further from its place than this a file jumps there; nearer, it hurries or lingers
const NEAR_S = 0.01; // nearer than this it is right
const HASTE = 0.12; // by so much at most it plays faster or slower: nobody hears it
const PATIENCE_MS = 4000; // the clock waits for a file that loads, but not for ever
const MARK_MS = 8000; // how long a mark stands
let at = 0; // ms since the call began
let playing = false;
let last = 0;
let waited = 0; // ms for files that load

function clock(ms) {
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  return `${two(ms / 60000)}:${two((ms / 1000) % 60)}`;
}

const inside = ({ offset, length }) => at >= offset && at - offset <= length;

// One picture for each camera or screen, however often its recording paused: the file of now, or the last before.
function seats() {
  const shown = new Map();
  for (const figure of figures) {
    const seat = `${figure.element.dataset.place}-${figure.element.dataset.track}`;
    const known = shown.get(seat);
    if (!known || figure.offset <= at) shown.set(seat, figure);
  }
  for (const figure of figures) figure.element.hidden = ![...shown.values()].includes(figure);
}

// Every file at this moment: paused before its beginning and after its end.
function align(force) {
  seats();
  for (const figure of figures) {
    const { element, video, offset } = figure;
    const on = inside(figure);
    element.classList.toggle("is-away", !on);
    if (on) place(video, (at - offset) / 1000, force);
    if (!on || !playing) video.pause();
    else if (video.paused) video.play().catch(() => {});
  }
}

function place(video, wanted, force) {
  const ahead = video.currentTime - wanted;
  if (force || Math.abs(ahead) > APART_S) {
    if (!video.seeking || force) video.currentTime = wanted;
    video.playbackRate = 1;
  } else {
    const rate = Math.abs(ahead) < NEAR_S ? 1 : 1 - Math.max(-HASTE, Math.min(ahead * 2, HASTE));
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }
}

// Whether a file that should be heard or seen now is still loading: the others wait for it.
const loading = () => figures.some((figure) => inside(figure) && !figure.video.ended && (figure.video.seeking || figure.video.readyState < 3));

function show() {
  seek.value = at;
  document.getElementById("clock").textContent = clock(at);
  let current = null;
  for (const act of acts) if (Number(act.dataset.ms) <= at) current = act;
  for (const act of acts) act.toggleAttribute("data-current", act === current);
  marks();
}

function marks() {
  const standing = acts.filter(({ dataset }) => dataset.points && at >= Number(dataset.ms) && at - Number(dataset.ms) < MARK_MS);
  for (const { element, video, layer } of figures) {
    const drawn = standing.filter(({ dataset }) => dataset.of === element.dataset.place && dataset.track === element.dataset.track);
    if (!video.videoWidth) continue;
    const { clientWidth: width, clientHeight: height } = video;
    layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const box = pictureIn(width, height, video.videoWidth, video.videoHeight, "contain");
    layer.replaceChildren(
      ...drawn.map(({ dataset }) => {
        const points = JSON.parse(dataset.points).map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
        const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
        line.setAttribute("d", pathOf(dataset.mark, points));
        return line;
      }),
    );
  }
}

function tick(now) {
  if (!playing) return;
  if (!loading()) waited = 0;
  else waited += now - last;
  if (!waited || waited > PATIENCE_MS) at = Math.min(at + (now - last), Number(seek.max));
  last = now;
  if (at >= Number(seek.max)) set(false);
  align(false);
  show();
  requestAnimationFrame(tick);
}

function set(on) {
  playing = on;
  button.textContent = on ? button.dataset.pause : button.dataset.play;
  last = performance.now();
  align(true);
  if (on) requestAnimationFrame(tick);
}

export function jump(ms) {
  at = Math.max(0, Math.min(ms, Number(seek.max)));
  align(true);
  show();
}

// One file of it all, made in the background: asked for once, then looked at until it is there.
const exporter = document.getElementById("export");
exporter?.addEventListener("click", () => ask(""));
async function ask(again) {
  const told = document.getElementById("export-state");
  exporter.disabled = true;
  const live = document.getElementById("main").dataset.live;
  const csrf = document.querySelector("meta[name=csrf]").content;
  const answer = await fetch(`/desk/api/calls/${live}/export${again}`, { method: "POST", headers: { "x-csrf-token": csrf } })
    .then((one) => (one.ok ? one.json() : { state: "failed" }))
    .catch(() => ({ state: "failed" }));
  if (answer.state === "done" && answer.url) {
    const link = Object.assign(document.createElement("a"), { href: answer.url, download: "call.webm", className: "btn" });
    link.textContent = exporter.dataset.done;
    exporter.replaceWith(link);
    told.textContent = "";
  } else if (answer.state === "failed" || answer.state === "dead") {
    told.textContent = exporter.dataset.failed;
    exporter.disabled = false;
  } else {
    told.textContent = `${exporter.dataset.wait} ${Math.round((answer.progress || 0) * 100)}%`;
    setTimeout(() => ask("?again=1"), 2000);
  }
}

// The files of a call that just ended are sealed within seconds: look again.
if (player?.dataset.state === "soon") setTimeout(() => location.reload(), 4000);

if (button) {
  button.addEventListener("click", () => {
    if (at >= Number(seek.max)) at = 0;
    set(!playing);
  });
  seek.addEventListener("input", () => jump(Number(seek.value)));
  for (const line of [...acts, ...document.querySelectorAll("#said li[data-ms]")])
    line.querySelector("button").addEventListener("click", () => jump(Number(line.dataset.ms)));
  for (const { video } of figures) video.addEventListener("loadedmetadata", show);
  figures.sort((one, other) => one.offset - other.offset);
  seats();
  show();
}
