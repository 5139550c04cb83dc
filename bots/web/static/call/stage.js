// What is seen where: the large picture, the small one, everybody's sound, frozen pictures.
import { byId, el } from "../chat/ui.js";
import { Marks } from "./marks.js";

export class Stage {
  // `prefer(source)` says how much a source wants to be the large picture; the highest wins.
  constructor(session, { me, prefer, nameOf }) {
    Object.assign(this, { session, me, prefer, nameOf });
    this.sources = new Map(); // "participant/kind" -> {participant, kind, track, on}
    this.sounds = new Map(); // participant -> <audio>
    this.main = byId("main-video");
    this.tile = byId("tile-video");
    this.marks = new Marks(this.main, byId("marks"), nameOf);
    this.swapped = false;
    this.shown = ""; // "participant/kind" that somebody points at: it comes forward
    this.frozen = false;
    this.sink = "";
    session.addEventListener("track", ({ detail }) => this.take(detail));
    session.addEventListener("left", ({ detail }) => this.gone(detail.participant));
    session.addEventListener("welcome", ({ detail }) => this.marks.all(detail.marks ?? [], me));
    session.addEventListener("mark", ({ detail }) => this.mark(detail));
    drag(byId("tile"), byId("stage"), () => this.swap());
    this.marks.drawn = () => unveil(byId("tile"), byId("stage"), byId("marks"));
  }

  own(kind, track, mirrored = false) {
    this.set({ participant: this.me, kind, track, on: Boolean(track), mirrored });
  }

  take({ participant, kind, track, on }) {
    if (kind === "audio") this.sound(participant, track, on);
    else this.set({ participant, kind, track, on });
  }

  set(source) {
    const key = `${source.participant}/${source.kind}`;
    if (source.on && source.track) this.sources.set(key, source);
    else this.sources.delete(key);
    if (key === this.shown && !this.sources.has(key)) this.shown = "";
    this.arrange();
  }

  gone(participant) {
    for (const key of [...this.sources.keys()]) if (key.startsWith(`${participant}/`)) this.sources.delete(key);
    this.sounds.get(participant)?.remove();
    this.sounds.delete(participant);
    this.arrange();
  }

  sound(participant, track, on) {
    let audio = this.sounds.get(participant);
    if (!audio) {
      audio = el("audio", { autoplay: true, "data-participant": participant });
      this.sounds.set(participant, audio);
      document.body.append(audio);
      if (this.sink) audio.setSinkId?.(this.sink);
    }
    if (on && track && audio.srcObject?.getAudioTracks()[0] !== track) {
      audio.srcObject = new MediaStream([track]);
      audio.play().catch(() => byId("unmute") && (byId("unmute").hidden = false));
    }
  }

  resumeSound() {
    for (const audio of this.sounds.values()) audio.play().catch(() => {});
  }

  setSink(id) {
    this.sink = id;
    for (const audio of this.sounds.values()) audio.setSinkId?.(id);
  }

  arrange() {
    const rank = (one) => (keyOf(one) === this.shown ? Infinity : this.prefer(one));
    const ranked = [...this.sources.values()].filter((one) => rank(one) >= 0).sort((a, b) => rank(b) - rank(a));
    let [large = null, small = null] = ranked;
    if (this.swapped && small) [large, small] = [small, large];
    show(this.main, large);
    show(this.tile, small);
    byId("stage").dataset.main = large ? large.kind : "none";
    byId("tile").hidden = !small;
    byId("tile-name").textContent = small ? this.nameOf(small.participant) : "";
    byId("voice").hidden = Boolean(large);
    this.large = large;
    this.marks.show(large?.participant ?? "", large?.kind ?? "camera", Boolean(large?.mirrored));
    this.arranged?.();
  }

  swap() {
    if (this.shown) this.shown = "";
    else this.swapped = !this.swapped;
    this.arrange();
  }

  mark(frame) {
    if (["draw", "point", "freeze"].includes(frame.act)) this.bring(`${frame.of}/${frame.track}`);
    if (frame.act === "freeze" || frame.act === "unfreeze") this.freeze(frame.act === "freeze");
    else this.marks.take(frame);
  }

  // What somebody points at is large here too, whatever is large otherwise; a tap on the small picture ends that.
  bring(key) {
    if (!this.sources.has(key) || (this.large && keyOf(this.large) === key)) return;
    this.swapped = false;
    this.shown = key;
    this.arrange();
  }

  // The picture stands still on this side; the call goes on beneath it.
  freeze(on) {
    this.frozen = on;
    if (on && this.main.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
      this.main.addEventListener("loadeddata", () => this.frozen && this.freeze(true), { once: true });
      return;
    }
    const still = byId("still");
    if (on && this.main.videoWidth) {
      still.width = this.main.videoWidth;
      still.height = this.main.videoHeight;
      still.getContext("2d").drawImage(this.main, 0, 0);
      still.classList.toggle("is-mirrored", this.main.classList.contains("is-mirrored"));
    }
    still.hidden = !on;
    byId("stage").classList.toggle("is-frozen", on);
  }

  // The large picture with what is drawn on it, as a JPEG.
  async photo() {
    const { videoWidth: width, videoHeight: height } = this.main;
    if (!width) return null;
    const canvas = el("canvas", { width, height });
    const pen = canvas.getContext("2d");
    pen.drawImage(this.frozen ? byId("still") : this.main, 0, 0, width, height);
    const box = this.marks.box();
    pen.scale(width / box.width, height / box.height);
    pen.translate(-box.x, -box.y);
    for (const path of byId("marks").querySelectorAll("path")) {
      const under = path.classList.contains("mark-under");
      pen.strokeStyle = under ? "#fff" : getComputedStyle(path).stroke;
      pen.lineWidth = under ? 9 : 5.5;
      pen.lineCap = "round";
      pen.stroke(new Path2D(path.getAttribute("d")));
    }
    return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.88));
  }
}

const keyOf = ({ participant, kind }) => `${participant}/${kind}`;

function show(video, source) {
  const track = source?.track ?? null;
  video.classList.toggle("is-mirrored", Boolean(source?.mirrored));
  video.classList.toggle("is-screen", source?.kind === "screen");
  if ((video.srcObject?.getVideoTracks()[0] ?? null) === track) return;
  video.srcObject = track && new MediaStream([track]);
  if (track) video.play().catch(() => {});
}

const SIDE = 14; // CSS pixels between the small picture and the edges: what stands above and below it stays free
const ABOVE = 62;
const BELOW = 96;

// The small picture never lies on a mark: it goes to the first corner where nothing is drawn, if there is one.
function unveil(tile, area, layer) {
  const drawn = [...layer.querySelectorAll("path, .mark-name")].map((one) => one.getBoundingClientRect());
  const free = (box) => drawn.every((one) => one.right < box.left || one.left > box.right || one.bottom < box.top || one.top > box.bottom);
  if (tile.hidden || free(tile.getBoundingClientRect())) return;
  const [edge, width, height] = [area.getBoundingClientRect(), tile.offsetWidth, tile.offsetHeight];
  const [right, bottom] = [edge.width - width - SIDE, edge.height - height - BELOW];
  const corners = [[right, ABOVE], [SIDE, ABOVE], [right, bottom], [SIDE, bottom]];
  const at = ([x, y]) => new DOMRect(edge.left + x, edge.top + y, width, height);
  const corner = corners.find((one) => free(at(one)));
  if (corner) put(tile, corner);
}

function put(tile, [x, y]) {
  tile.style.right = tile.style.bottom = "auto";
  tile.style.left = `${x}px`;
  tile.style.top = `${y}px`;
}

// The small picture may be dragged to another corner; a tap swaps it with the large one.
function drag(tile, area, tapped) {
  let from = null;
  tile.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, y: event.clientY, left: tile.offsetLeft, top: tile.offsetTop, moved: false };
    tile.setPointerCapture(event.pointerId);
    event.stopPropagation();
  });
  tile.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (Math.hypot(dx, dy) < 6 && !from.moved) return;
    from.moved = true;
    const keep = (value, most) => Math.max(8, Math.min(value, most - 8));
    const most = [area.clientWidth - tile.offsetWidth, area.clientHeight - tile.offsetHeight];
    put(tile, [keep(from.left + dx, most[0]), keep(from.top + dy, most[1])]);
  });
  tile.addEventListener("pointerup", () => {
    const moved = from?.moved;
    from = null;
    if (!moved) tapped();
  });
  tile.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && tapped());
}
