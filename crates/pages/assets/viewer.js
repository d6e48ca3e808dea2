// The image viewer: the server renders pictures, this script turns them over, chooses windows, zooms and pans, and writes
// what belongs in the corners. Nothing here measures or decides; what is not known is said so.

const root = document.getElementById("viewer");
const byId = (id) => document.getElementById(id);
const screen = byId("screen");
const canvas = byId("canvas");
const context = canvas.getContext("2d", { alpha: false });
const slider = byId("slider");
const presetList = byId("preset");
const message = byId("message");
const WIDTHS = [256, 512, 768, 1024, 1536, 2048, 3072, 4096];
const KEPT_PIXELS = matchMedia("(max-width: 45rem)").matches ? 16e6 : 64e6;

let study; // what /images says
let series = []; // { ..., stack: [{ sop, frame }], view }
let current = -1;
let shown = null; // the picture on the screen: { key, bitmap, window, index, series }

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const number = (value) => String(Number(Number(value).toPrecision(Math.abs(value) < 10 ? 3 : 5)));

// ---- pictures: a bounded store, the picture wanted last wins, neighbours are fetched when there is time

const kept = new Map();
let keptPixels = 0;

function keep(key, picture) {
  kept.set(key, picture);
  keptPixels += picture.bitmap.width * picture.bitmap.height;
  for (const [oldest, old] of kept) {
    if (keptPixels <= KEPT_PIXELS || oldest === key) break;
    if (old === shown) continue;
    kept.delete(oldest);
    keptPixels -= old.bitmap.width * old.bitmap.height;
    old.bitmap.close?.();
  }
}

function address(at, index) {
  const { sop, frame } = at.stack[index];
  return `${study.base}/series/${at.uid}/instance/${sop}/frame/${frame}`;
}

function pictureKey(at, index) {
  const view = at.view;
  const query = new URLSearchParams({ width: String(neededWidth(view)) });
  if (view.window) {
    query.set("c", String(view.window.center));
    query.set("w", String(view.window.width));
    if (view.window.shape) query.set("shape", view.window.shape);
  }
  if (view.invert) query.set("invert", "1");
  return `${address(at, index)}?${query}`;
}

function neededWidth(view) {
  const side = Math.max(screen.clientWidth, screen.clientHeight) * Math.min(devicePixelRatio || 1, 2);
  const wanted = Math.min(screen.clientWidth, screen.clientHeight) * Math.min(devicePixelRatio || 1, 2) * view.zoom;
  return WIDTHS.find((width) => width >= Math.min(wanted * 1.02, side * view.zoom)) ?? WIDTHS.at(-1);
}

async function picture(key) {
  const known = kept.get(key);
  if (known) {
    kept.delete(key);
    kept.set(key, known);
    return known;
  }
  const answer = await fetch(key);
  if (!answer.ok) throw await problem(answer);
  const [center, width] = (answer.headers.get("manifold-window") ?? "").split(";").map(Number);
  const bitmap = await createImageBitmap(await answer.blob());
  const made = { key, bitmap, window: width > 0 ? { center, width } : null };
  if (!kept.has(key)) keep(key, made);
  return made;
}

async function problem(answer) {
  let said = null;
  try {
    said = await answer.json();
  } catch {
    // No words came with it.
  }
  const lines = [study?.texts.failed, said?.what, said?.advice, said?.reference && `${study.texts.reference} ${said.reference}`];
  return new Error(lines.filter(Boolean).join("\n"));
}

let wanted = null;
let busy = false;

// Draws what is wanted now. While a picture is on its way, newer wishes replace older ones that have not started.
async function show() {
  const at = series[current];
  if (!at) return;
  updateScroll();
  if (!at.stack.length) {
    shown = null;
    paint();
    say(study.texts.noPicture);
    return;
  }
  wanted = { at, index: at.view.index, key: pictureKey(at, at.view.index) };
  if (kept.has(wanted.key)) {
    const { at, index, key } = wanted;
    wanted = null;
    arrived(at, index, await picture(key));
    return;
  }
  if (busy) return;
  busy = true;
  try {
    while (wanted) {
      const { at, index, key } = wanted;
      wanted = null;
      try {
        const came = await picture(key);
        if (series[current] === at) arrived(at, index, came);
      } catch (error) {
        if (series[current] === at && at.view.index === index) {
          shown = null;
          paint();
          say(error.message);
          stop();
        }
      }
    }
  } finally {
    busy = false;
  }
}

function arrived(at, index, came) {
  shown = { ...came, index, at };
  say("");
  paint();
  corners();
  describe(at, index);
  ahead(at, index, came.key);
}

let aheadTicket = 0;
async function ahead(at, index, key) {
  const ticket = ++aheadTicket;
  const step = at.view.direction || 1;
  for (const distance of [1, 2, -1, 3, 4, 5, 6]) {
    const next = index + step * distance;
    if (next < 0 || next >= at.stack.length) continue;
    if (ticket !== aheadTicket || busy || key !== pictureKey(at, index)) return;
    try {
      await picture(pictureKey(at, next));
    } catch {
      return;
    }
  }
}

// ---- what the file says of a frame: spacing, letters, windows

const described = new Map();
let describeTimer = 0;

function describe(at, index) {
  const where = address(at, index);
  if (described.has(where)) {
    at.geometry = described.get(where);
    corners();
    scaleBar();
    presets();
    return;
  }
  clearTimeout(describeTimer);
  describeTimer = setTimeout(async () => {
    try {
      const answer = await fetch(`${where}/geometry`);
      if (!answer.ok) return;
      described.set(where, await answer.json());
      if (series[current] === at && at.view.index === index) describe(at, index);
    } catch {
      // The picture stands without it; "not calibrated" is what the corner says then.
    }
  }, at.geometry ? 80 : 0);
}

// ---- drawing

const sight = () => {
  const { bitmap, at } = shown;
  const [width, height] = [screen.clientWidth, screen.clientHeight];
  const fit = Math.min(width / bitmap.width, height / bitmap.height);
  const scale = fit * at.view.zoom;
  const x = (width - bitmap.width * scale) / 2 + at.view.x;
  const y = (height - bitmap.height * scale) / 2 + at.view.y;
  return { x, y, scale, fit };
};

function paint() {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [Math.round(screen.clientWidth * ratio), Math.round(screen.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  if (shown) {
    const { x, y, scale } = sight();
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.drawImage(shown.bitmap, x, y, shown.bitmap.width * scale, shown.bitmap.height * scale);
  }
  scaleBar();
}

function say(words) {
  if (message.textContent !== words) message.textContent = words;
}

function corners() {
  const at = series[current];
  if (!at || !study) return;
  const texts = study.texts;
  const geometry = at.geometry;
  byId("corner-patient").textContent = `${study.patient.name}\n${study.patient.facts}`;
  byId("corner-study").textContent = `${root.dataset.title}\n${study.date}\n${study.place}`;
  const place = [];
  if (geometry?.thickness_mm) place.push(fill(texts.thickness, { mm: number(geometry.thickness_mm) }));
  if (geometry?.slice_mm != null && shown?.at === at && described.has(address(at, shown.index))) {
    place.push(`${geometry.slice_mm.toFixed(1)} mm`);
  }
  const name = [at.number && fill(texts.series, { number: at.number }), at.title].filter(Boolean).join(" · ");
  const counted = at.stack.length ? fill(texts.image, { n: at.view.index + 1, total: at.stack.length }) : "";
  byId("corner-series").textContent = [name, counted, place.join(" · ")].filter(Boolean).join("\n");
  const window = at.view.window ?? shown?.window;
  const lines = [];
  if (window) lines.push(fill(texts.level, { width: number(window.width), center: number(window.center) }));
  if (shown && shown.at === at) lines.push(fill(texts.zoom, { percent: Math.round(at.view.zoom * 100) }));
  byId("corner-window").textContent = lines.join("\n");
  for (const side of ["left", "right", "top", "bottom"]) {
    byId(`edge-${side}`).textContent = (at.stack.length && geometry?.edges?.[side]) || "";
  }
}

function scaleBar() {
  const bar = byId("scale-bar");
  const words = byId("scale-words");
  const at = series[current];
  if (!shown || !at?.geometry || !study) {
    bar.style.display = "none";
    words.textContent = "";
    return;
  }
  const { spacing, columns } = at.geometry;
  if (!spacing || !columns) {
    bar.style.display = "none";
    words.textContent = study.texts.uncalibrated;
    return;
  }
  const mmPerPixel = (spacing.column_mm * columns) / (shown.bitmap.width * sight().scale);
  const room = Math.min(screen.clientWidth * 0.3, 220) * mmPerPixel;
  const length = [500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1].find((mm) => mm <= room);
  if (!length) {
    bar.style.display = "none";
    words.textContent = "";
    return;
  }
  bar.style.display = "block";
  bar.style.width = `${length / mmPerPixel}px`;
  const unit = length >= 10 ? `${length / 10} cm` : `${length} mm`;
  const source = { detector: study.texts.detector, film: study.texts.film, region: study.texts.region }[spacing.source];
  words.textContent = source ? `${unit}, ${source}` : unit;
}

// ---- windows

function choices(at) {
  const own = (at.geometry?.windows ?? []).map((window, n) => ({
    name: window.name || (n === 0 ? study.texts.windowFile : `${study.texts.windowFile} ${n + 1}`),
    window,
    file: n === 0,
  }));
  if (!own.length) own.push({ name: study.texts.windowFile, window: null, file: true });
  const usual = (at.presets ?? []).map((preset) => ({ name: preset.name, window: { center: preset.center, width: preset.width } }));
  return [...own, ...usual].slice(0, 9);
}

let presetsOf = "";
function presets() {
  const at = series[current];
  const all = choices(at);
  const signature = JSON.stringify(all);
  if (signature !== presetsOf) {
    presetsOf = signature;
    presetList.replaceChildren(
      ...all.map((choice, n) => {
        const level = choice.window ? `  ${number(choice.window.width)}/${number(choice.window.center)}` : "";
        return new Option(`${n + 1}  ${choice.name}${level}`, String(n));
      }),
      new Option(study.texts.windowOwn, "own"),
    );
    presetList.lastElementChild.disabled = true;
  }
  presetList.disabled = !at.stack.length || (shown && !shown.window && !at.view.window && !at.geometry?.windows?.length);
  const same = (a, b) => a && b && a.center === b.center && a.width === b.width;
  const chosen = at.view.window ? all.findIndex((choice) => same(choice.window, at.view.window)) : 0;
  presetList.selectedIndex = chosen < 0 ? all.length : chosen;
}

function preset(n) {
  const at = series[current];
  const choice = choices(at)[n];
  if (!choice) return;
  at.view.window = choice.file ? null : { ...choice.window };
  changed();
}

// ---- moving about

function changed() {
  const at = series[current];
  byId("invert").setAttribute("aria-pressed", String(at.view.invert));
  presets();
  corners();
  show();
}

function step(by, wrap = false) {
  const at = series[current];
  if (!at?.stack.length) return;
  const last = at.stack.length - 1;
  let to = at.view.index + by;
  if (wrap) to = (to + at.stack.length) % at.stack.length;
  to = Math.max(0, Math.min(last, to));
  if (to === at.view.index) return;
  at.view.direction = Math.sign(by) || 1;
  at.view.index = to;
  corners();
  show();
}

function updateScroll() {
  const at = series[current];
  const total = at.stack.length;
  slider.max = String(Math.max(1, total));
  slider.value = String(at.view.index + 1);
  slider.disabled = total < 2;
  byId("play").disabled = total < 2;
  const words = total ? fill(study.texts.image, { n: at.view.index + 1, total }) : "–";
  slider.setAttribute("aria-valuetext", words);
  byId("position").textContent = total ? `${at.view.index + 1} / ${total}` : "–";
}

function zoom(factor, x = screen.clientWidth / 2, y = screen.clientHeight / 2) {
  const view = series[current].view;
  const to = Math.max(0.25, Math.min(16, view.zoom * factor));
  const ratio = to / view.zoom;
  // The point under the hand stays where it is.
  const [cx, cy] = [x - screen.clientWidth / 2, y - screen.clientHeight / 2];
  view.x = cx - (cx - view.x) * ratio;
  view.y = cy - (cy - view.y) * ratio;
  view.zoom = to;
  paint();
  corners();
  settle();
}

let settleTimer = 0;
// A sharper picture once the hand rests.
function settle() {
  clearTimeout(settleTimer);
  settleTimer = setTimeout(show, 120);
}

function reset() {
  const at = series[current];
  at.view = { ...freshView(), index: at.view.index };
  changed();
  paint();
}

const freshView = () => ({ index: 0, zoom: 1, x: 0, y: 0, window: null, invert: false, direction: 1 });

function choose(n) {
  if (!series[n]) return;
  stop();
  current = n;
  for (const tile of root.querySelectorAll(".tile")) {
    if (Number(tile.dataset.series) === n) {
      tile.setAttribute("aria-current", "true");
      reveal(tile);
    } else tile.removeAttribute("aria-current");
  }
  shown = null;
  paint();
  say(root.dataset.loading);
  changed();
}

// Scrolls the strip alone: the page stays where it is.
function reveal(tile) {
  const strip = tile.closest("ul");
  const [box, frame] = [tile.getBoundingClientRect(), strip.getBoundingClientRect()];
  if (box.left < frame.left || box.right > frame.right) strip.scrollLeft += box.left - frame.left - 8;
  if (box.top < frame.top || box.bottom > frame.bottom) strip.scrollTop += box.top - frame.top - 8;
}

// ---- playing

let playing = 0;
function play() {
  const at = series[current];
  if (!at || at.stack.length < 2) return;
  const pause = Math.max(33, Math.min(1000, at.geometry?.frame_time_ms || 100));
  const tick = () => {
    // Waits for the picture rather than skipping it.
    if (!busy) step(1, true);
    playing = setTimeout(tick, pause);
  };
  playing = setTimeout(tick, pause);
  playButton(true);
}

function stop() {
  if (playing) clearTimeout(playing);
  playing = 0;
  playButton(false);
}

function playButton(on) {
  const button = byId("play");
  button.setAttribute("aria-pressed", String(on));
  button.textContent = on ? button.dataset.stop : button.dataset.play;
  // While it plays, nobody wants every number read out.
  byId("position").setAttribute("aria-live", on ? "off" : "polite");
}

const toggle = () => (playing ? stop() : play());

function invert() {
  const view = series[current].view;
  view.invert = !view.invert;
  changed();
}

// ---- hands: mouse, pen, fingers, keys

const fingers = new Map();
let drag = null;

function startWindow() {
  const at = series[current];
  return at.view.window ?? shown?.window ?? null;
}

screen.addEventListener("pointerdown", (event) => {
  if (!study) return;
  screen.focus({ preventScroll: true });
  screen.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  const touch = event.pointerType === "touch";
  let kind = touch ? "scroll" : ["window", "pan", "zoom"][event.button];
  if (!touch && event.button === 0 && event.shiftKey) kind = "pan";
  if (fingers.size === 2) kind = "pinch";
  drag = { kind, x: event.clientX, y: event.clientY, window: startWindow(), rest: 0 };
  if (event.button === 1) event.preventDefault();
});

screen.addEventListener("pointermove", (event) => {
  const finger = fingers.get(event.pointerId);
  if (!finger || !drag) return;
  const [dx, dy] = [event.clientX - finger.x, event.clientY - finger.y];
  if (drag.kind === "pinch" && fingers.size === 2) {
    const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
    const before = Math.hypot(finger.x - other.x, finger.y - other.y);
    const after = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    const box = screen.getBoundingClientRect();
    const view = series[current].view;
    view.x += dx / 2;
    view.y += dy / 2;
    if (before > 0) zoom(after / before, (event.clientX + other.x) / 2 - box.left, (event.clientY + other.y) / 2 - box.top);
  } else if (drag.kind === "scroll") {
    drag.rest += dy;
    const total = series[current].stack.length;
    const unit = Math.max(5, Math.min(24, screen.clientHeight / Math.max(1, total)));
    const steps = Math.trunc(drag.rest / unit);
    if (steps) {
      drag.rest -= steps * unit;
      step(steps);
    }
  } else if (drag.kind === "window" && drag.window) {
    const unit = Math.max(drag.window.width / 400, 1e-6);
    const fine = drag.window.width > 50 ? Math.round : (value) => Number(value.toPrecision(4));
    series[current].view.window = {
      width: Math.max(drag.window.width > 50 ? 1 : unit, fine(drag.window.width + (event.clientX - drag.x) * unit)),
      center: fine(drag.window.center + (event.clientY - drag.y) * unit),
    };
    changed();
  } else if (drag.kind === "zoom") {
    const box = screen.getBoundingClientRect();
    zoom(Math.exp(-dy / 150), drag.x - box.left, drag.y - box.top);
  } else if (drag.kind === "pan") {
    const view = series[current].view;
    view.x += dx;
    view.y += dy;
    paint();
  }
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
});

for (const kind of ["pointerup", "pointercancel"]) {
  screen.addEventListener(kind, (event) => {
    fingers.delete(event.pointerId);
    drag = null;
    if (study) settle();
  });
}

screen.addEventListener("contextmenu", (event) => event.preventDefault());

let wheelRest = 0;
screen.addEventListener(
  "wheel",
  (event) => {
    if (!study) return;
    event.preventDefault();
    if (event.ctrlKey) {
      const box = screen.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
      return;
    }
    // A notch of a wheel is one image; a touch pad sends many small steps.
    wheelRest += event.deltaMode === 1 ? event.deltaY * 40 : event.deltaY;
    const unit = Math.abs(event.deltaY) >= 80 || event.deltaMode === 1 ? Math.abs(wheelRest) : 40;
    const steps = Math.trunc(wheelRest / unit);
    if (steps) {
      wheelRest -= steps * unit;
      step(steps);
    }
  },
  { passive: false },
);

function neighbour(by) {
  for (let n = current + by; n >= 0 && n < series.length; n += by) if (series[n].stack.length) return choose(n);
}

const KEYS = {
  ArrowUp: () => step(-1),
  ArrowLeft: () => step(-1),
  ArrowDown: () => step(1),
  ArrowRight: () => step(1),
  Home: () => step(-1e9),
  End: () => step(1e9),
  PageUp: () => neighbour(-1),
  PageDown: () => neighbour(1),
  " ": toggle,
  r: reset,
  i: invert,
  "+": () => zoom(1.25),
  "=": () => zoom(1.25),
  "-": () => zoom(0.8),
};

// Only while the viewer has the focus, so that single letters never surprise anybody elsewhere.
root.querySelector(".view").addEventListener("keydown", (event) => {
  if (!study || event.ctrlKey || event.metaKey || event.altKey) return;
  const on = event.target;
  if (on.matches("select") || (on.matches("input") && !["r", "i", "R", "I"].includes(event.key))) return;
  if (on.matches("button") && (event.key === " " || event.key === "Enter")) return;
  if (/^[1-9]$/.test(event.key)) {
    preset(Number(event.key) - 1);
    event.preventDefault();
    return;
  }
  const act = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (act) {
    event.preventDefault();
    act();
  }
});

slider.addEventListener("input", () => step(Number(slider.value) - 1 - series[current].view.index));
presetList.addEventListener("change", () => preset(Number(presetList.value)));
byId("play").addEventListener("click", toggle);
byId("invert").addEventListener("click", invert);
byId("reset").addEventListener("click", reset);
byId("zoom-in").addEventListener("click", () => zoom(1.25));
byId("zoom-out").addEventListener("click", () => zoom(0.8));
byId("help").addEventListener("click", () => {
  const help = byId("viewer-help");
  help.hidden = !help.hidden;
  byId("help").setAttribute("aria-expanded", String(!help.hidden));
  if (!help.hidden) help.scrollIntoView({ block: "nearest" });
});

root.querySelector(".strip").addEventListener("click", (event) => {
  const tile = event.target.closest(".tile");
  if (!tile || !study || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  choose(Number(tile.dataset.series));
});

new ResizeObserver(() => {
  paint();
  if (study) settle();
}).observe(screen);

// ---- start

say(root.dataset.loading);
try {
  const answer = await fetch(root.dataset.images, { headers: { accept: "application/json" } });
  if (!answer.ok) throw await problem(answer);
  study = await answer.json();
  series = study.series.map((one) => ({
    ...one,
    stack: one.instances.flatMap(([sop, frames]) => Array.from({ length: frames }, (_, n) => ({ sop, frame: n + 1 }))),
    view: freshView(),
  }));
  const first = series.findIndex((one) => one.stack.length);
  if (first < 0) say(study.texts.noPicture);
  else {
    choose(first);
    if (document.activeElement === document.body) screen.focus({ preventScroll: true });
  }
} catch (error) {
  say(error.message);
}
