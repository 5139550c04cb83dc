// Drawing on a picture: marks lie in the picture's own coordinates (0 to 1), so they are at the same place on
// both sides, however large and however cut the picture is shown.

const SVG = "http://www.w3.org/2000/svg";
const POINT_MS = 1400;
const EDGE = 12; // CSS pixels: a mark nearer to the edge of the page counts as cut

// Where the picture lies within the video element, given how it is fitted into it.
export function pictureIn(width, height, videoWidth, videoHeight, fit) {
  if (!videoWidth || !videoHeight) return { x: 0, y: 0, width, height };
  const scales = [width / videoWidth, height / videoHeight];
  const scale = fit === "cover" ? Math.max(...scales) : Math.min(...scales);
  const shown = { width: videoWidth * scale, height: videoHeight * scale };
  return { x: (width - shown.width) / 2, y: (height - shown.height) / 2, ...shown };
}

export class Marks {
  // `video`: the element drawn upon; `layer`: an SVG that covers it exactly.
  constructor(video, layer, nameOf) {
    Object.assign(this, { video, layer, nameOf });
    this.shown = new Map(); // id -> mark
    this.of = "";
    this.track = "camera";
    this.mirrored = false;
    new ResizeObserver(() => this.draw()).observe(video);
    video.addEventListener("resize", () => this.draw());
    video.addEventListener("loadedmetadata", () => this.draw());
  }

  // Whose picture is shown now; marks of another picture wait.
  show(of, track, mirrored = false) {
    Object.assign(this, { of, track, mirrored });
    this.draw();
  }

  box(fit = getComputedStyle(this.video).objectFit) {
    const { clientWidth, clientHeight, videoWidth, videoHeight } = this.video;
    return pictureIn(clientWidth, clientHeight, videoWidth, videoHeight, fit);
  }

  // A picture that fills the page is cut at its sides: what is drawn there is seen only on the whole picture.
  reveal(marks) {
    const { clientWidth: width, clientHeight: height } = this.video;
    const box = this.box("cover");
    const cut = ([x, y]) => {
      const at = [box.x + (this.mirrored ? 1 - x : x) * box.width, box.y + y * box.height];
      return at[0] < EDGE || at[0] > width - EDGE || at[1] < EDGE || at[1] > height - EDGE;
    };
    this.video.parentElement.classList.toggle("is-whole", marks.some((mark) => mark.points.some(cut)));
  }

  // A place on the page as coordinates of the picture; null beside it.
  place(event) {
    const edge = this.video.getBoundingClientRect();
    const box = this.box();
    let x = (event.clientX - edge.left - box.x) / box.width;
    const y = (event.clientY - edge.top - box.y) / box.height;
    if (this.mirrored) x = 1 - x;
    if (x < 0 || x > 1 || y < 0 || y > 1) return null;
    return [Math.round(x * 1e4) / 1e4, Math.round(y * 1e4) / 1e4];
  }

  // Everything that is drawn already; we come, or come again.
  all(frames, me) {
    this.shown.clear();
    for (const frame of frames) this.take(frame.from === me ? { ...frame, from: "" } : frame);
    this.draw();
  }

  // A frame `mark`, ours or another's.
  take(frame) {
    if (frame.act === "clear") {
      if (frame.id && frame.id !== "all") this.shown.delete(frame.id);
      else this.shown.clear();
    } else if (frame.act === "draw" || frame.act === "point") {
      const before = this.shown.get(frame.id);
      const more = before && shapeOf(frame.id) === "pen" && frame.from === before.from && !frame.whole;
      const points = more ? [...before.points, ...frame.points] : frame.points;
      this.shown.set(frame.id, { ...frame, points });
      if (frame.act === "point") this.fade(frame.id);
    }
    this.draw();
  }

  fade(id) {
    clearTimeout(this.fading?.get(id));
    this.fading ??= new Map();
    this.fading.set(
      id,
      setTimeout(() => {
        this.shown.delete(id);
        this.draw();
      }, POINT_MS),
    );
  }

  draw() {
    const mine = [...this.shown.values()].filter((mark) => mark.of === this.of && mark.track === this.track);
    this.reveal(mine);
    const box = this.box();
    this.layer.setAttribute("viewBox", `0 0 ${this.video.clientWidth || 1} ${this.video.clientHeight || 1}`);
    const at = ([x, y]) => [box.x + (this.mirrored ? 1 - x : x) * box.width, box.y + y * box.height];
    this.layer.replaceChildren(...mine.flatMap((mark) => this.shape(mark, mark.points.map(at))));
    this.drawn?.();
  }

  shape(mark, points) {
    if (!points.length) return [];
    const kind = mark.act === "point" ? "point" : shapeOf(mark.id);
    const path = PATHS[kind](points);
    const under = node("path", { d: path, class: "mark-under" });
    const over = node("path", { d: path, class: `mark mark--${kind}`, "data-mark": mark.id });
    if (mark.color) over.style.stroke = mark.color;
    const name = kind === "arrow" || kind === "point" ? this.nameOf(mark.from) : "";
    return [under, over, ...(name ? [label(name, points[0])] : [])];
  }
}

export const shapeOf = (id) => id.split("-")[0];

const PATHS = {
  arrow: ([from, ...rest]) => {
    const to = rest.at(-1) ?? from;
    const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
    const bend = [(from[0] + to[0]) / 2 - Math.sin(angle) * 14, (from[1] + to[1]) / 2 + Math.cos(angle) * 14];
    const head = Math.atan2(to[1] - bend[1], to[0] - bend[0]);
    const wing = (turn) => `L ${to[0] - 20 * Math.cos(head + turn)} ${to[1] - 20 * Math.sin(head + turn)}`;
    return `M ${from} Q ${bend} ${to} ${wing(0.55)} M ${to} ${wing(-0.55)}`;
  },
  circle: ([from, ...rest]) => {
    const to = rest.at(-1) ?? from;
    const [rx, ry] = [Math.max(12, Math.abs(to[0] - from[0]) / 2), Math.max(12, Math.abs(to[1] - from[1]) / 2)];
    const [cx, cy] = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    return `M ${cx - rx} ${cy} a ${rx} ${ry} 0 1 0 ${2 * rx} 0 a ${rx} ${ry} 0 1 0 ${-2 * rx} 0`;
  },
  pen: (points) => `M ${points.map((point) => point.join(" ")).join(" L ")}`,
  point: ([[x, y]]) => `M ${x - 11} ${y} a 11 11 0 1 0 22 0 a 11 11 0 1 0 -22 0`,
};

// The path of a mark whose points are on the page already; "" for what has no shape of its own.
export const pathOf = (id, points) => PATHS[shapeOf(id)]?.(points) ?? "";

function node(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function label(name, [x, y]) {
  const group = node("g", { class: "mark-name", transform: `translate(${x}, ${y})` });
  const width = 24 + name.length * 15;
  const text = node("text", { x: -width / 2 - 4, y: -13, "text-anchor": "middle" });
  text.textContent = name;
  group.append(node("rect", { x: -width - 4, y: -33, width, height: 30, rx: 12 }), text);
  return group;
}

// Staff draw with one of the tools; each stroke is told as it grows.
export class Pen {
  constructor(marks, send) {
    Object.assign(this, { marks, send });
    this.tool = "point";
    this.own = []; // ids, for undo
    this.stroke = null;
    const area = marks.video.parentElement;
    area.addEventListener("pointerdown", (event) => this.down(event));
    area.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) area.addEventListener(name, () => this.up());
  }

  down(event) {
    if (event.button !== 0 || event.target.closest("button, a, input") || !this.marks.of) return;
    const place = this.marks.place(event);
    if (!place) return;
    event.preventDefault();
    event.currentTarget.setPointerCapture?.(event.pointerId);
    const id = `${this.tool}-${Math.random().toString(36).slice(2, 9)}`;
    this.stroke = { id, points: [place], told: 0 };
    this.tell();
  }

  move(event) {
    if (!this.stroke) return;
    const place = this.marks.place(event);
    if (!place) return;
    const [x, y] = this.stroke.points.at(-1);
    if (Math.hypot(place[0] - x, place[1] - y) < 0.004) return;
    this.stroke.points.push(place);
    if (performance.now() - this.stroke.told > 60) this.tell();
  }

  up() {
    if (!this.stroke) return;
    this.tell();
    if (this.tool !== "point") this.own.push(this.stroke.id);
    this.stroke = null;
  }

  tell() {
    const { id, points } = this.stroke;
    this.stroke.told = performance.now();
    const pen = this.tool === "pen";
    const kept = pen ? points.slice(this.stroke.sent ?? 0) : [points[0], points.at(-1)];
    this.stroke.sent = points.length;
    if (!kept.length) return;
    const act = this.tool === "point" ? "point" : "draw";
    this.emit({ id, act, points: act === "point" ? [points.at(-1)] : kept.slice(0, 256) });
  }

  emit({ id, act, points = [] }) {
    const frame = { type: "mark", id, act, of: this.marks.of, track: this.marks.track, points, color: null };
    this.send(frame);
    this.marks.take({ ...frame, from: "" });
  }

  undo() {
    const id = this.own.pop();
    if (id) this.emit({ id, act: "clear" });
  }

  clear() {
    this.own = [];
    this.emit({ id: "all", act: "clear" });
  }
}
