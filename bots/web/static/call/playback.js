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
const DRIFT_S = 0.25; // further apart than this, a file is set right
const MARK_MS = 8000; // how long a mark stands
let at = 0; // ms since the call began
let playing = false;
let last = 0;

function clock(ms) {
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  return `${two(ms / 60000)}:${two((ms / 1000) % 60)}`;
}

// Every file at this moment: paused before its beginning and after its end.
function align(force) {
  for (const { video, offset, length } of figures) {
    const wanted = (at - offset) / 1000;
    const inside = wanted >= 0 && wanted * 1000 <= length;
    video.closest("figure").classList.toggle("is-away", !inside);
    if (!inside) {
      video.pause();
      continue;
    }
    if (force || Math.abs(video.currentTime - wanted) > DRIFT_S) video.currentTime = wanted;
    if (playing && video.paused) video.play().catch(() => {});
    if (!playing) video.pause();
  }
}

function show() {
  seek.value = at;
  document.getElementById("clock").textContent = clock(at);
  let current = null;
  for (const act of acts) if (Number(act.dataset.ms) <= at) current = act;
  for (const act of acts) act.toggleAttribute("data-current", act === current);
  marks();
}

function marks() {
  const drawn = acts.filter(({ dataset }) => dataset.points && at >= Number(dataset.ms) && at - Number(dataset.ms) < MARK_MS);
  for (const { element, video, layer } of figures) {
    if (element.dataset.side !== "customer" || !video.videoWidth) continue;
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
  at = Math.min(at + (now - last), Number(seek.max));
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
  for (const act of acts) act.querySelector("button").addEventListener("click", () => jump(Number(act.dataset.ms)));
  for (const { video } of figures) video.addEventListener("loadedmetadata", show);
  show();
}
