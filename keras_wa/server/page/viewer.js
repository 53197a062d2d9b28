// An image in a canvas: window and level, zoom, a cross, a box. It does not depend on the model.

import { painted, windowed, windowOf } from "./levels.js";

const MOST_ZOOM = 16; // Canvas pixels per image pixel.
const CLICK = 4; // A pointer that moves fewer CSS pixels than this is a click.

export class Viewer extends EventTarget {
  // Events: `mark` {box, drawn}, `window` {}, `under` {x, y, value}, `detail` {region, side}, `mode` {mode}.
  constructor(canvas) {
    super();
    this.canvas = canvas;
    this.mode = "mark";
    this.pointers = new Map();
    this.boxes = []; // {box, style}: outlines.
    this.field = null; // (x, y) -> box that a click would classify, or null.
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.up(event, name === "pointercancel"));
    }
    canvas.addEventListener("pointerleave", () => { this.hover = null; this.draw(); });
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.draw());
  }

  // Shows a new image: the response of /view for the whole image, with arrays for pixels and levels.
  show(view) {
    this.whole = view;
    this.detail = null;
    this.boxes = [];
    this.band = this.corner = null;
    this.cross = { x: view.image_width / 2, y: view.image_height / 2 };
    this.asModel();
    this.fit();
  }

  // Removes the image.
  clear() {
    clearTimeout(this.waiting);
    this.whole = this.detail = this.band = this.corner = this.hover = null;
    this.pointers.clear();
    this.draw();
  }

  // Adds a region of the same image in more detail.
  showDetail(view) {
    this.detail = view;
    this.detailPicture = painted(view, this.levels);
    this.draw();
  }

  // ---- Window and level, in stored values.

  asModel() {
    const { levels, least, greatest } = this.whole;
    this.levels = levels;
    const { center, width, inverted } = windowOf(levels, least);
    this.window = { center, width, inverted, own: false };
    // The center of the model's window may be outside all values.
    this.limits = {
      center: [Math.min(least, center), Math.max(greatest, center)],
      width: [1, Math.max(2 * (greatest - least), 2 * width)],
    };
    this.paint();
  }

  setWindow(changes) {
    const { least, greatest } = this.whole, { center, width, inverted } = { ...this.window, ...changes };
    const within = (value, [low, high]) => Math.min(high, Math.max(low, value));
    this.window = { center: within(center, this.limits.center), width: within(width, this.limits.width), inverted, own: true };
    this.levels = windowed(this.window, least, greatest);
    this.paint();
  }

  paint() {
    this.picture = painted(this.whole, this.levels);
    if (this.detail) this.detailPicture = painted(this.detail, this.levels);
    this.draw();
    this.tell("window", {});
  }

  // ---- Position of the image: canvas = image * scale + offset.

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    const fitted = this.scale !== undefined && this.scale === this.fitScale();
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    this.ratio = ratio;
    if (this.whole && (fitted || !this.scale)) this.fit(); else this.draw();
  }

  fitScale() {
    if (!this.whole) return 1;
    const { image_width, image_height } = this.whole;
    return Math.min(this.canvas.width / image_width, this.canvas.height / image_height, MOST_ZOOM);
  }

  fit() {
    this.scale = this.fitScale();
    this.left = (this.canvas.width - this.scale * this.whole.image_width) / 2;
    this.top = (this.canvas.height - this.scale * this.whole.image_height) / 2;
    this.draw();
  }

  zoom(factor, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const scale = Math.min(MOST_ZOOM * this.ratio, Math.max(this.fitScale() / 2, this.scale * factor));
    this.left = x - (x - this.left) * (scale / this.scale);
    this.top = y - (y - this.top) * (scale / this.scale);
    this.scale = scale;
    this.moved();
  }

  pan(x, y) {
    this.left += x;
    this.top += y;
    this.moved();
  }

  moved() {
    this.draw();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.askDetail(), 250);
  }

  // Requests more pixels where the overview has fewer than the screen.
  askDetail() {
    const { image_width, image_height, width } = this.whole;
    if (this.scale <= (1.2 * width) / image_width || width === image_width) return;
    const left = Math.max(0, Math.floor(-this.left / this.scale));
    const top = Math.max(0, Math.floor(-this.top / this.scale));
    const right = Math.min(image_width, Math.ceil((this.canvas.width - this.left) / this.scale));
    const bottom = Math.min(image_height, Math.ceil((this.canvas.height - this.top) / this.scale));
    if (right <= left || bottom <= top) return;
    const region = [left, top, right - left, bottom - top];
    const longer = Math.max(region[2], region[3]);
    this.tell("detail", { region, side: Math.min(2048, longer, Math.ceil(longer * this.scale)) });
  }

  // ---- Drawing.

  draw() {
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.whole) return;
    const { image_width, image_height } = this.whole;
    context.setTransform(this.scale, 0, 0, this.scale, this.left, this.top);
    context.imageSmoothingEnabled = this.scale < 3;
    context.drawImage(this.picture, 0, 0, image_width, image_height);
    if (this.detail) context.drawImage(this.detailPicture, ...this.detail.region);
    context.setTransform(1, 0, 0, 1, 0, 0);
    for (const { box, style } of this.boxes) this.outline(context, box, style);
    const focused = document.activeElement === this.canvas;
    const at = this.hover ?? (focused ? this.cross : null);
    if (this.band) this.outline(context, this.band, "band");
    else if (at && this.mode === "mark" && this.field) {
      const field = this.field(at.x, at.y);
      if (field) this.outline(context, field, "field");
    }
    if (focused && !this.hover) this.drawCross(context);
  }

  outline(context, [left, top, width, height], style) {
    const colours = { roi: "#00ffff", field: "#ffd33d", band: "#ffd33d", candidate: "#ff7b72" };
    const sides = [this.left + left * this.scale, this.top + top * this.scale, width * this.scale, height * this.scale];
    context.setLineDash(style === "field" ? [6 * this.ratio, 4 * this.ratio] : []);
    // A dark line below a bright one is visible on every grey level.
    for (const [colour, thick] of [["#000", 4], [colours[style], 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = thick * this.ratio;
      context.strokeRect(...sides);
    }
    context.setLineDash([]);
  }

  drawCross(context) {
    const x = this.left + this.cross.x * this.scale, y = this.top + this.cross.y * this.scale, arm = 14 * this.ratio;
    for (const [colour, thick] of [["#000", 4], ["#ffd33d", 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = thick * this.ratio;
      context.beginPath();
      context.moveTo(x - arm, y); context.lineTo(x + arm, y);
      context.moveTo(x, y - arm); context.lineTo(x, y + arm);
      context.stroke();
    }
  }

  // ---- Pointers.

  place(event) {
    const frame = this.canvas.getBoundingClientRect();
    const x = (event.clientX - frame.left) * this.ratio, y = (event.clientY - frame.top) * this.ratio;
    return { x: (x - this.left) / this.scale, y: (y - this.top) / this.scale, at: { x, y } };
  }

  inside({ x, y }) {
    return x >= 0 && y >= 0 && x < this.whole.image_width && y < this.whole.image_height;
  }

  down(event) {
    if (!this.whole) return;
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.place(event);
    this.pointers.set(event.pointerId, place);
    this.start = { ...place, event, several: this.pointers.size > 1, window: this.window };
    if (this.pointers.size > 1) this.band = null;
  }

  move(event) {
    if (!this.whole) return;
    const place = this.place(event);
    const before = this.pointers.get(event.pointerId);
    this.hover = event.pointerType === "touch" ? null : place;
    this.tellUnder(place);
    if (!before) { this.draw(); return; }
    if (this.pointers.size === 2) this.pinch(event.pointerId, place);
    else if (!this.start.several) this.drag(place, before, event);
    this.pointers.set(event.pointerId, this.place(event));
  }

  pinch(id, place) {
    const [other] = [...this.pointers].filter(([key]) => key !== id).map(([, value]) => value);
    const before = this.pointers.get(id);
    const far = (one, two) => Math.hypot(one.at.x - two.at.x, one.at.y - two.at.y) || 1;
    this.pan((place.at.x - before.at.x) / 2, (place.at.y - before.at.y) / 2);
    this.zoom(far(place, other) / far(before, other), (place.at.x + other.at.x) / 2, (place.at.y + other.at.y) / 2);
  }

  drag(place, before, event) {
    const x = event.clientX - this.start.event.clientX, y = event.clientY - this.start.event.clientY;
    if (this.mode === "pan" || event.buttons === 4) {
      this.pan(place.at.x - before.at.x, place.at.y - before.at.y);
    } else if (this.mode === "window") {
      const step = Math.max(1, this.whole.greatest - this.whole.least) / 500;
      this.setWindow({ center: this.start.window.center + y * step, width: this.start.window.width + x * step });
    } else if (Math.hypot(x, y) >= CLICK) {
      this.band = this.boxBetween(this.start, place);
      this.draw();
    }
  }

  up(event, cancelled) {
    if (!this.pointers.delete(event.pointerId) || cancelled || this.start.several) { this.band = null; this.draw(); return; }
    const place = this.place(event), band = this.band;
    this.band = null;
    if (this.mode === "mark" && event.button === 0) {
      if (band) this.tell("mark", { box: band, drawn: true });
      else if (this.inside(place)) {
        this.cross = { x: place.x, y: place.y };
        this.tell("mark", { box: [Math.floor(place.x), Math.floor(place.y), 1, 1], drawn: false });
      }
    }
    this.draw();
  }

  boxBetween(one, two) {
    const clip = (value, most) => Math.min(most, Math.max(0, value));
    const { image_width, image_height } = this.whole;
    const left = Math.floor(clip(Math.min(one.x, two.x), image_width - 1));
    const top = Math.floor(clip(Math.min(one.y, two.y), image_height - 1));
    const right = Math.ceil(clip(Math.max(one.x, two.x), image_width));
    const bottom = Math.ceil(clip(Math.max(one.y, two.y), image_height));
    return [left, top, Math.max(1, right - left), Math.max(1, bottom - top)];
  }

  wheel(event) {
    if (!this.whole) return;
    event.preventDefault();
    const { at } = this.place(event);
    this.zoom(Math.exp(-Math.sign(event.deltaY) * 0.2), at.x, at.y);
  }

  // ---- Keys.

  key(event) {
    // Brackets are typed with AltGr on many keyboards.
    const shortcut = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
    if (!this.whole || shortcut) return;
    const { least, greatest } = this.whole, step = Math.max(1, (greatest - least) / 50);
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const modes = { m: "mark", p: "pan", w: "window" };
    const actions = {
      "+": () => this.zoom(1.25), "=": () => this.zoom(1.25), "-": () => this.zoom(0.8), 0: () => this.fit(),
      "[": () => this.setWindow({ center: this.window.center - step }),
      "]": () => this.setWindow({ center: this.window.center + step }),
      ",": () => this.setWindow({ width: this.window.width - step }),
      ".": () => this.setWindow({ width: this.window.width + step }),
      b: () => { this.corner = { ...this.cross }; },
      Escape: () => { this.corner = this.band = null; },
      Enter: () => this.markCross(), " ": () => this.markCross(),
    };
    if (arrows[event.key]) this.moveCross(arrows[event.key], event.shiftKey ? 10 : 1);
    else if (modes[event.key]) this.tell("mode", { mode: modes[event.key] });
    else if (actions[event.key]) actions[event.key]();
    else return;
    event.preventDefault();
    this.hover = null;
    this.draw();
  }

  moveCross([x, y], times) {
    const step = Math.max(1, (4 * this.ratio) / this.scale) * times;
    const { image_width, image_height } = this.whole;
    this.cross.x = Math.min(image_width - 1, Math.max(0, this.cross.x + x * step));
    this.cross.y = Math.min(image_height - 1, Math.max(0, this.cross.y + y * step));
    if (this.corner) this.band = this.boxBetween(this.corner, this.cross);
    this.follow();
    this.tellUnder(this.cross);
  }

  // Moves the image if the cross would leave the canvas.
  follow() {
    const x = this.left + this.cross.x * this.scale, y = this.top + this.cross.y * this.scale, edge = 24 * this.ratio;
    const over = (at, size) => (at < edge ? edge - at : at > size - edge ? size - edge - at : 0);
    const right = over(x, this.canvas.width), down = over(y, this.canvas.height);
    if (right || down) this.pan(right, down);
  }

  markCross() {
    const band = this.band;
    this.corner = this.band = null;
    if (band) this.tell("mark", { box: band, drawn: true });
    else this.tell("mark", { box: [Math.floor(this.cross.x), Math.floor(this.cross.y), 1, 1], drawn: false });
  }

  // ---- Events.

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  tellUnder({ x, y }) {
    if (!this.inside({ x, y })) { this.tell("under", {}); return; }
    const { width, height, image_width, image_height, pixels, least } = this.whole;
    const column = Math.floor((x * width) / image_width), row = Math.floor((y * height) / image_height);
    this.tell("under", { x: Math.floor(x), y: Math.floor(y), value: least + pixels[row * width + column] });
  }
}
