// Keeps the console true without a reload: the same page is fetched every two seconds and what differs is changed in its
// place. Rows that come or go wait while a hand is on the page. Without this script the page works by reload.

const PERIOD = 2000;
const HAND = 5000;
const MOST_KEPT = 10;

const place = document.getElementById("as-of");
const reload = document.getElementById("reload");
const news = document.getElementById("news");
const time = new Intl.DateTimeFormat(document.documentElement.lang, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});
// What the reader's commands were answered, by study: it stays while the study is stuck, because nothing else has it.
const said = new Map();
// Studies whose rows stay whatever became of them: the reader has done something about them.
const kept = new Set();
let lastHand = -HAND;
let lastNews = new Date();
let timer;
let running = false;

for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchmove"]) {
  addEventListener(kind, () => (lastHand = performance.now()), { passive: true });
}

const handIsOn = () => performance.now() - lastHand < HAND;

/** Gives `old` the content of `fresh`, unless it has it; open details stay open and the focus stays in the place. */
function renew(old, fresh) {
  const details = [...old.querySelectorAll("details")];
  [...fresh.querySelectorAll("details")].forEach((one, n) => (one.open = details[n]?.open ?? false));
  for (const status of fresh.querySelectorAll("[data-said]")) {
    if (!fresh.querySelector("[data-retry]")) said.delete(status.dataset.said);
    status.textContent = said.get(status.dataset.said) ?? "";
  }
  if (old.isEqualNode(fresh)) return;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const again = focused && (focused.id || focused.tagName);
  old.className = fresh.className;
  old.replaceChildren(...fresh.childNodes);
  if (!focused) return;
  const same = [...old.querySelectorAll("a, button, summary")].find((one) => (one.id || one.tagName) === again);
  (same ?? old.querySelector("a, button, summary"))?.focus({ preventScroll: true });
}

/** Changes the rows of a list in place; shape: how many rows wait to be shown. */
function renewRows(list, fresh, mayMove) {
  let waiting = 0;
  const wanted = [...fresh.children];
  const keep = new Set(wanted.map((row) => row.id));
  for (const row of [...list.children]) {
    if (keep.has(row.id)) delete row.dataset.gone;
    else if (mayMove && !row.contains(document.activeElement)) row.remove();
    else row.dataset.gone = "";
  }
  let before = null;
  for (const row of wanted.reverse()) {
    const old = list.querySelector(`:scope > #${CSS.escape(row.id)}`);
    if (old) {
      renew(old, row);
      before = old;
    } else if (mayMove) {
      list.insertBefore(row, before);
      before = row;
    } else waiting += 1;
  }
  return waiting;
}

/** Rows of stuck studies that are shown: the answer has them again whatever became of them. */
function address() {
  const url = new URL(location.href);
  url.hash = "";
  const shown = [...document.querySelectorAll("#stuck > li")].map((row) => row.id.replace("stuck-", ""));
  const also = handIsOn() ? shown : shown.filter((study) => kept.has(study));
  if (also.length) url.searchParams.set("also", also.slice(0, MOST_KEPT).join(","));
  else url.searchParams.delete("also");
  url.searchParams.set("live", "1");
  url.searchParams.delete("done");
  return url;
}

function apply(fresh) {
  const mayMove = !handIsOn();
  for (const old of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(old.id);
    if (other) renew(old, other);
  }
  let waiting = 0;
  for (const list of document.querySelectorAll("[data-rows]")) {
    const other = fresh.querySelector(`[data-rows="${list.dataset.rows}"]`);
    if (other) waiting += renewRows(list, other, mayMove);
  }
  if (news) news.hidden = waiting === 0;
  const all = document.getElementById("retry-all");
  const other = fresh.getElementById("retry-all");
  if (all && other && !all.contains(document.activeElement)) all.hidden = other.hidden;
  document.title = fresh.title;
}

const tell = (words) => (place.textContent = `${words} ${time.format(lastNews)}`);

async function look() {
  if (running) return;
  running = true;
  clearTimeout(timer);
  try {
    const answer = await fetch(address(), { headers: { accept: "text/html" }, signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    apply(new DOMParser().parseFromString(await answer.text(), "text/html"));
    lastNews = new Date();
    tell(place.dataset.liveWords);
    reload.hidden = true;
  } catch {
    tell(place.dataset.lost);
    reload.hidden = false;
  }
  running = false;
  if (!document.hidden) timer = setTimeout(look, PERIOD);
}

// A command is given without leaving the page.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.retry) return;
  event.preventDefault();
  const about = form.dataset.retry;
  const say = (words) => {
    said.set(about, words);
    kept.add(about);
    for (const status of document.querySelectorAll("[data-said]")) {
      if (status.dataset.said === about) status.textContent = words;
    }
  };
  try {
    const answer = await fetch(form.action, { method: "POST", headers: { accept: "application/json" } });
    const { words, what, who, reference } = await answer.json();
    say(`${words ?? [what, who, reference].filter(Boolean).join(" ")} (${time.format(new Date())})`);
  } catch {
    tell(place.dataset.lost);
  }
  look();
});

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
place.setAttribute("role", "none");
timer = setTimeout(look, PERIOD);
