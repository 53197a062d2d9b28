// Opens an image and shows the prediction for a click. All requests go to the service of this page.

import * as spacing from "./spacing.js";
import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const viewer = new Viewer($("image"));
const LEAST_MAMMOGRAM = 1000; // Pixels of the shorter side, as in `keras-wa predict`.
const state = { about: null, wanted: null, file: null, view: null, token: "", fields: {}, remedy: null, aborts: {} };

// ---- Requests.

class Refusal extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

// A new request cancels the previous one of the same name.
async function ask(path, fields = null, name = path) {
  state.aborts[name]?.abort();
  const abort = (state.aborts[name] = new AbortController());
  const options = { signal: abort.signal, headers: {}, cache: "no-store" };
  if (state.token) options.headers.Authorization = `Bearer ${state.token}`;
  if (fields) {
    options.method = "POST";
    options.body = new FormData();
    options.body.append("file", state.file.data, "upload");
    for (const [key, value] of Object.entries(fields)) {
      if (value !== null && value !== "") options.body.append(key, value);
    }
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The service does not answer. Is it still running?");
  }
  let record = null;
  try {
    record = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
  }
  if (!answer.ok) throw new Refusal(answer.status, record?.error ?? `The service answers with status ${answer.status}.`);
  if (!record) throw new Refusal(0, "The answer broke off. Try again.");
  return record;
}

function say(text, kind = "") {
  const status = $("status");
  status.className = kind;
  if (status.textContent !== text) status.textContent = text; // Otherwise a screen reader would read it again.
  status.tabIndex = status.scrollHeight > status.clientHeight ? 0 : -1; // Scrolling with keys needs the focus.
}

async function attempt(doing, work) {
  say(doing, "busy");
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Refusal)) throw error;
    say(error.message, "bad");
    if (error.status === 401) {
      $("tokenform").hidden = false;
      $("token").focus();
    }
    const bits = /Give bits_stored (\d+)/.exec(error.message);
    state.remedy = bits ? { bits_stored: bits[1] } : /for_processing/.test(error.message) ? { for_processing: "true" } : null;
    $("anyway").hidden = !state.remedy;
  }
}

// ---- The model.

async function start() {
  await attempt("Asking about the model…", async () => {
    state.about = await ask("about");
    const { model, trained_on } = state.about;
    $("model").textContent = $("model").title = `${model}, trained on ${trained_on}`;
    document.title = `keras_wa: ${model}`;
    $("tokenform").hidden = true;
    say("");
  });
  if (state.about && state.wanted) await open(state.wanted, state.fields);
}

// ---- An image.

function bytes(base64) {
  const text = atob(base64);
  const found = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) found[i] = text.charCodeAt(i);
  return found;
}

function imageFields() {
  return { pixel_spacing: spacing.entered(), ...state.fields };
}

async function look(fields, name) {
  const view = await ask("view", { ...imageFields(), ...fields }, name);
  return { ...view, pixels: new Uint16Array(bytes(view.pixels).buffer), levels: bytes(view.levels) };
}

// The fields that an error message for this file asked for.
async function open(file, fields = {}) {
  for (const abort of Object.values(state.aborts)) abort.abort();
  Object.assign(state, { wanted: file, file: null, view: null, fields });
  viewer.clear();
  $("name").textContent = file.name;
  spacing.clear();
  for (const id of ["result", "candidates", "anyway", "tools", "window", "ask"]) $(id).hidden = true;
  $("empty").hidden = false;
  if (!state.about) {
    await start();
    return;
  }
  await attempt("Reading the image…", async () => {
    const data = await contents(file);
    if (state.wanted !== file) return; // Another file was opened in the meantime.
    state.file = { name: file.name, data };
    state.view = await look({}, "whole");
    viewer.show(state.view);
    $("empty").hidden = true;
    for (const id of ["tools", "window", "ask"]) $(id).hidden = false;
    spacing.show(state.view);
    fillList($("filenotes"), state.view.notes);
    const { image_width, image_height, spacing_mm, spacing_from } = state.view;
    const size = spacing_mm ? `of ${spacing.inWords(spacing_mm, spacing_from)}` : "of unknown size in mm";
    say(`${image_width} × ${image_height} pixels ${size}. ${advice()}`);
    if (Math.min(image_width, image_height) < LEAST_MAMMOGRAM) await classify(null, false);
  });
}

// Read once, so that later changes of the file have no effect.
async function contents(file) {
  const most = state.about.max_bytes;
  if (file.size > most) {
    throw new Refusal(413, `${file.name} has ${(file.size / 2 ** 20).toFixed(1)} MiB; the service takes ${most / 2 ** 20} (--max-megabytes).`);
  }
  try {
    return new Blob([await file.arrayBuffer()]);
  } catch {
    throw new Refusal(0, `${file.name} cannot be read. Is it a folder, or has it changed?`);
  }
}

function advice(first = "") {
  if (state.about.crop === "roi") return "Draw a box round the lesion.";
  return spacing.of(state.view) ? "Click a place, or find candidates." : `Enter the pixel spacing${first}, or draw a box round the lesion.`;
}

// Whether the entered spacing is valid or empty.
function spacingIsFine() {
  const problem = spacing.problem();
  if (problem) say(problem, "bad");
  return !problem;
}

// The field of view around a place, as the service crops it.
viewer.field = (x, y) => {
  const known = spacing.of(state.view);
  if (state.about.crop !== "fixed" || !known) return null;
  const height = Math.max(1, Math.round(state.about.field_mm / known[0]));
  const width = Math.max(1, Math.round(state.about.field_mm / known[1]));
  return [Math.floor(x) + Math.floor((1 - width) / 2), Math.floor(y) + Math.floor((1 - height) / 2), width, height];
};

// ---- Predictions.

// Returns the record, or nothing if there is none.
async function classify(box, drawn) {
  if (!spacingIsFine()) return null;
  const fields = { ...imageFields(), tta: 8 };
  if (box) {
    fields.box = box.join(",");
    ["left", "top", "boxwidth", "boxheight"].forEach((id, i) => { $(id).value = box[i]; });
    const fixed = state.about.crop === "fixed", known = spacing.of(state.view);
    if (fixed && !known && drawn) fields.crop = "roi";
    else if ((fixed && !known) || (!fixed && !drawn)) { say(advice(" first"), "bad"); return null; }
  }
  let record = null;
  await attempt("Asking the model…", async () => {
    const found = await ask("explain", fields);
    record = found.record;
    showAnswer(found);
    say(`Probability of malignancy ${record.probability.toFixed(3)}.`);
  });
  return record;
}

const SETS = {
  benign: "Malignant is excluded.",
  malignant: "Benign is excluded.",
  both: "Neither class is excluded.",
  none: "Unusual for either class.",
};

function showAnswer({ record, pictures, why_no_heat }) {
  const { probability, low, high, members_low, members_high, threshold, malignant, prediction_set, window: roi } = record;
  const candidates = viewer.boxes.filter(({ style }) => style === "candidate");
  viewer.boxes = [...candidates, { box: roi, style: "roi" }];
  viewer.draw();
  $("probability").textContent = probability.toFixed(3);
  $("decision").textContent = malignant === null ? "no decision" : malignant ? "malignant" : "benign";
  $("decision").className = `badge ${malignant === null ? "" : malignant ? "malignant" : "benign"}`;
  $("indeterminate").hidden = !["both", "none"].includes(prediction_set);
  Object.assign($("range").style, { left: `${100 * low}%`, width: `${100 * (high - low)}%` });
  $("mark").style.left = `${100 * probability}%`;
  $("limit").hidden = threshold === null;
  if (threshold !== null) $("limit").style.left = `${100 * threshold}%`;
  $("spread").textContent = `${low.toFixed(3)} to ${high.toFixed(3)} over the turned and mirrored ROI` +
    (members_low === null ? "" : `, ${members_low.toFixed(3)} to ${members_high.toFixed(3)} over the members of the ensemble`) +
    (threshold === null ? "." : `; threshold ${threshold.toFixed(3)} (dashed).`) +
    (prediction_set === null ? "" : ` ${SETS[prediction_set]}`);
  $("calibration").textContent = record.calibrated
    ? `Calibrated on validation ROIs of ${record.trained_on}; the threshold was chosen there too` +
      `${state.about.threshold_rule ? ` (${state.about.threshold_rule})` : ""}. The spread is the network's own, and no confidence interval.`
    : "Not calibrated: a number to rank by, not a risk.";
  const warnings = record.warnings.filter((warning) => !state.view.notes.includes(warning));
  fillList($("warnings"), warnings);
  $("outside").hidden = !warnings.length;
  const cut = record.pixel_spacing_mm === null ? "unknown" : spacing.inWords([record.pixel_spacing_mm], record.spacing_from);
  fillList($("notes"), [`Pixel spacing: ${cut}.`, ...record.notes]);
  showPictures(pictures, why_no_heat);
  const file = new Blob([JSON.stringify({ ...record, file: state.file.name }, null, 2)], { type: "application/json" });
  URL.revokeObjectURL($("save").href);
  $("save").href = URL.createObjectURL(file);
  $("result").hidden = false;
}

function showPictures(pictures, why) {
  $("seen").src = pictures.seen;
  $("heat").hidden = $("opacityline").hidden = !pictures.heat;
  if (pictures.heat) $("heat").src = pictures.heat;
  $("noheat").textContent = why ?? "";
  const titles = { roi: "ROI", seen: "after CLAHE", LL: "LL", LH: "LH", HL: "HL", HH: "HH" };
  $("pictures").replaceChildren(...Object.entries(titles).filter(([name]) => pictures[name]).map(([name, title]) => {
    const figure = document.createElement("figure"), image = new Image(), caption = document.createElement("figcaption");
    image.src = pictures[name];
    image.alt = name.length === 2 ? `Subband ${name}` : `The ROI, ${title}`;
    caption.textContent = title;
    figure.append(image, caption);
    return figure;
  }));
}

function fillList(list, texts) {
  list.replaceChildren(...texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}

// ---- Candidates.

async function search() {
  if (!spacingIsFine()) return;
  if (!spacing.of(state.view)) {
    say("Enter the pixel spacing first.", "bad");
    $("spacing").focus();
    return;
  }
  await attempt("Looking for clusters…", async () => {
    const fields = { ...imageFields(), film: $("digital").checked ? "false" : "true" };
    const { candidates } = await ask("candidates", fields);
    viewer.boxes = candidates.map(({ box }) => ({ box, style: "candidate" }));
    viewer.draw();
    showCandidates(candidates);
    const count = candidates.length;
    say(count ? `${count} candidate${count > 1 ? "s, the surest first" : ""}; not classified yet.` : "No cluster was found.");
  });
}

function showCandidates(candidates) {
  const table = document.createElement("table"), head = table.createTHead().insertRow();
  for (const title of ["candidate", "spots", "score", "answer"]) {
    const cell = document.createElement("th");
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const { box, n_spots, score } of candidates) {
    const row = body.insertRow(), button = document.createElement("button");
    for (const text of [`${box[0]}, ${box[1]}`, n_spots, score.toFixed(1)]) row.insertCell().textContent = text;
    button.type = "button";
    const label = (text) => {
      button.textContent = text;
      button.setAttribute("aria-label", `${text}: the candidate at ${box[0]}, ${box[1]}`);
    };
    label("Ask");
    button.addEventListener("click", async () => {
      const record = await classify(box, true);
      if (record) label(record.probability.toFixed(3));
    });
    row.insertCell().append(button);
  }
  $("candidates").replaceChildren(table);
  $("candidates").hidden = !candidates.length;
}

// ---- User actions.

$("file").addEventListener("change", () => { if ($("file").files[0]) open($("file").files[0]); });
$("file").addEventListener("click", () => { $("file").value = ""; });
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("stage").classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
}
$("anyway").addEventListener("click", () => open(state.wanted, { ...state.fields, ...state.remedy }));
$("tokenform").addEventListener("submit", (event) => { event.preventDefault(); state.token = $("token").value; start(); });
$("numbers").addEventListener("submit", (event) => {
  event.preventDefault();
  const box = ["left", "top", "boxwidth", "boxheight"].map((id) => Number($(id).value));
  classify(box, true);
});
$("whole").addEventListener("click", () => classify(null, false));
$("find").addEventListener("submit", (event) => { event.preventDefault(); search(); });
spacing.listen(() => { viewer.draw(); say(advice()); });
$("closer").addEventListener("click", () => viewer.zoom(1.25));
$("farther").addEventListener("click", () => viewer.zoom(0.8));
$("fit").addEventListener("click", () => viewer.fit());
$("asmodel").addEventListener("click", () => viewer.asModel());
for (const id of ["center", "width"]) $(id).addEventListener("input", () => viewer.setWindow({ [id]: Number($(id).value) }));
$("invert").addEventListener("input", () => viewer.setWindow({ inverted: $("invert").checked }));
for (const radio of document.querySelectorAll("[name=mode]")) {
  radio.addEventListener("change", () => setMode(radio.value));
}
$("opacity").addEventListener("input", () => {
  $("heat").style.opacity = $("opacity").value / 100;
  $("opacityline").querySelector("output").textContent = `${$("opacity").value} %`;
});

function setMode(mode) {
  viewer.mode = mode;
  $("image").className = mode;
  document.querySelector(`[name=mode][value=${mode}]`).checked = true;
  viewer.draw();
}

viewer.addEventListener("mode", ({ detail }) => setMode(detail.mode));
viewer.addEventListener("mark", ({ detail }) => classify(detail.box, detail.drawn));
viewer.addEventListener("under", ({ detail }) => {
  $("under").textContent = detail.x === undefined ? "" : `${detail.x}, ${detail.y}: ${detail.value}`;
});
viewer.addEventListener("window", () => {
  const { center, width, inverted, own } = viewer.window;
  for (const [id, value] of Object.entries({ center, width })) {
    const [min, max] = viewer.limits[id];
    Object.assign($(id), { min, max, step: "any", value });
    $(id).parentElement.querySelector("output").textContent = Math.round(value);
  }
  $("invert").checked = inverted;
  $("asmodel").disabled = !own;
});
viewer.addEventListener("detail", async ({ detail: { region, side } }) => {
  const { view } = state;
  try {
    const detail = await look({ region: region.join(","), side }, "detail");
    if (state.view === view) viewer.showDetail(detail);
  } catch (error) {
    // The coarser overview stays.
    if (error.name !== "AbortError" && !(error instanceof Refusal)) throw error;
  }
});

start();
