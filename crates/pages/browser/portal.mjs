// Opens a running portal in headless Chromium as people do: finds a patient, filters, reads a report, turns images over;
// at 360 px and 1280 px, light and dark, with the keyboard alone, and without scripts. axe-core finds no violation, no
// console error, no request to another host, no page over 60 KB, nothing wider than the screen.
//
//   node portal.mjs BASE_URL SCREENSHOT_DIR [PATIENT]
//
// BASE_URL is where /portal is, with or without it. playwright-core and axe-core are found below MANIFOLD_PEERS, else
// below CARGO_TARGET_DIR/peers/npm; CHROMIUM names the browser. Exits 1 when a check failed, 2 when it cannot run.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [base, folder, patient = "P0001"] = process.argv.slice(2);
if (!base || !folder) {
  console.error("usage: node portal.mjs BASE_URL SCREENSHOT_DIR [PATIENT]");
  process.exit(2);
}
const peers = process.env.MANIFOLD_PEERS ?? path.join(process.env.CARGO_TARGET_DIR ?? "target", "peers", "npm");
const require = createRequire(path.resolve(peers) + path.sep);
let chromium;
let axeSource;
try {
  ({ chromium } = require("playwright-core"));
  axeSource = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
} catch (error) {
  console.error(`playwright-core and axe-core are not installed below ${peers}; run cargo xtask peers: ${error.message}`);
  process.exit(2);
}
const origin = new URL(base).origin;
const portal = `${origin}/portal`;
fs.mkdirSync(folder, { recursive: true });

let passed = 0;
const failures = [];
let where = "";

function check(condition, what) {
  if (condition) passed += 1;
  else {
    failures.push(`${where}: ${what}`);
    console.error(`FAILED ${where}: ${what}`);
  }
}

const PAGE_OCTETS = 60 * 1024;

async function open(browser, { width, scheme = "light", scripts = true }) {
  const phone = width < 500;
  const context = await browser.newContext({
    viewport: { width, height: phone ? 740 : 900 },
    deviceScaleFactor: phone ? 2 : 1,
    hasTouch: phone,
    colorScheme: scheme,
    javaScriptEnabled: scripts,
    reducedMotion: "reduce",
    locale: "en-GB",
  });
  const page = await context.newPage();
  page.expected = new Set();
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const from = message.location().url ?? "";
    // The page that is meant to be missing, and the browser's own PDF reader.
    if (page.expected.has(from) || from.startsWith("chrome")) return;
    check(false, `console ${message.type()}: ${message.text()} (${from})`);
  });
  page.on("pageerror", (error) => check(false, `script error: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (/^(chrome-extension|chrome|blob|data|about):/.test(url)) return;
    if (new URL(url).origin !== origin) check(false, `a request to another host: ${url}`);
  });
  page.on("response", async (response) => {
    const type = response.headers()["content-type"] ?? "";
    if (!type.startsWith("text/html") || new URL(response.url()).origin !== origin) return;
    const policy = response.headers()["content-security-policy"] ?? "";
    check(policy.includes("default-src 'none'") && !policy.includes("unsafe"), `a strict policy for ${response.url()}`);
    check((response.headers()["cache-control"] ?? "").includes("no-store"), `no-store for ${response.url()}`);
    try {
      const size = (await response.body()).length;
      check(size < PAGE_OCTETS, `${response.url()} has ${size} octets, fewer than ${PAGE_OCTETS} were expected`);
    } catch {
      // The page was left before its size could be read.
    }
  });
  return { context, page };
}

async function axe(page) {
  const frames = page.mainFrame();
  await frames.evaluate(axeSource);
  const results = await frames.evaluate(() =>
    // Frames belong to the browser's PDF reader.
    globalThis.axe.run(document, {
      iframes: false,
      resultTypes: ["violations"],
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  for (const violation of results.violations) {
    const places = violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")}: ${node.failureSummary}`);
    check(false, `axe ${violation.id} (${violation.impact}): ${violation.help}\n    ${places.join("\n    ")}`);
  }
  check(true, "axe");
}

async function fits(page) {
  const { needs, has } = await page.evaluate(() => ({
    needs: document.scrollingElement.scrollWidth,
    has: document.scrollingElement.clientWidth,
  }));
  check(needs <= has, `the page is ${needs} px wide on a screen of ${has} px`);
}

async function look(page, name, { full = true } = {}) {
  await fits(page);
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: full, animations: "disabled" });
}

const text = async (page, selector) => ((await page.locator(selector).first().textContent()) ?? "").trim();

async function identity(page) {
  const band = await text(page, ".band");
  check(/\S/.test(await text(page, ".band-name")), "the patient's name is in sight");
  check(band.includes(patient), `the patient number ${patient} is in sight`);
  check(/born/.test(band), "the birth date is in sight");
}

async function imageShown(page) {
  await page.waitForFunction(() => document.getElementById("message").textContent === "", null, { timeout: 30_000 });
  const bright = await page.evaluate(() => {
    const canvas = document.getElementById("canvas");
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let sum = 0;
    for (let at = 0; at < data.length; at += 400) sum += data[at] > 30;
    return sum;
  });
  check(bright > 20, "the image is not black");
}

const settled = (page) => page.waitForLoadState("networkidle");

/** The main path with a mouse or a finger. */
async function walk(browser, width, scheme) {
  const { context, page } = await open(browser, { width, scheme });
  const name = (step) => `${width}-${scheme}-${step}`;
  const phone = width < 500;

  where = name("patients");
  await page.goto(portal);
  await axe(page);
  await look(page, where);
  await page.getByRole("searchbox").fill(patient);
  await page.getByRole("searchbox").press("Enter");
  await page.waitForURL(/q=/);
  check((await page.locator(".patients li").count()) === 1, `one patient is found for ${patient}`);

  where = name("nobody");
  await page.goto(`${portal}?q=zzzzzz`);
  check(/zzzzzz/.test(await text(page, ".empty")), "an empty search says so");
  await axe(page);
  await look(page, where);

  where = name("timeline");
  await page.goto(`${portal}?q=${patient}`);
  await page.locator(".patients a").first().click();
  await page.waitForSelector(".band");
  await settled(page);
  await identity(page);
  const all = await page.locator(".line").count();
  check(all > 1, `the timeline has several lines, ${all} came`);
  check(/\d+ image/.test(await text(page, ".line-actions .images")), "the number of images is on its button");
  await axe(page);
  await look(page, where);

  where = name("details");
  await page.locator(".line-details summary").first().click();
  check(/Study UID/.test(await text(page, ".line-details[open]")), "codes are one click away");
  await axe(page);
  await look(page, where);

  where = name("filtered");
  if (phone) await page.locator(".filter > summary").click();
  const modality = page.locator("#modality");
  const kinds = await modality.locator("option").evaluateAll((options) => options.map((o) => o.value).filter(Boolean));
  check(kinds.length > 1, "several modalities can be chosen");
  await modality.selectOption(kinds[0]);
  await page.locator("#filter button[type=submit]").click();
  await page.waitForURL(/modality=/);
  const some = await page.locator(".line").count();
  check(some > 0 && some < all, `the modality filter shows ${some} of ${all}`);
  check((await modality.inputValue()) === kinds[0], "the chosen modality stays chosen");
  await settled(page);
  await axe(page);
  await look(page, where);
  await page.getByRole("link", { name: "Show all" }).click();
  await page.waitForURL((url) => !url.search);
  check((await page.locator(".line").count()) === all, "all lines are back");
  const regions = await page.locator("#region option").evaluateAll((options) => options.map((o) => o.value).filter(Boolean));
  const here = page.url();
  await page.goto(`${here}?region=${encodeURIComponent(regions[0])}`);
  check((await page.locator(".line").count()) < all, "the region filter leaves some out");
  const day = await page.locator(".line time").first().getAttribute("datetime");
  await page.goto(`${here}?from=${day}&to=${day}`);
  check((await page.locator(".line").count()) >= 1, `the day ${day} has its line`);
  check((await page.locator(".line").count()) < all, "dates leave others out");
  await page.goto(`${here}?from=1900-01-01&to=1900-12-31`);
  where = name("nothing");
  check((await page.locator(".empty").count()) === 1, "an empty result says so");
  await look(page, where);

  where = name("report");
  await page.goto(here);
  const withBoth = page.locator(".line", { has: page.getByRole("link", { name: "Read report" }) }).filter({
    has: page.locator(".images"),
  });
  await withBoth.first().getByRole("link", { name: "Read report" }).click();
  await page.waitForSelector(".report-head");
  await settled(page);
  await identity(page);
  check(/\S/.test(await text(page, "h1")), "the report has its title");
  const address = await page.locator("a[download]").first().getAttribute("href");
  const document = await page.request.get(new URL(address.replace(/\?.*/, ""), origin).href);
  check(document.status() === 200, `the document comes, ${document.status()} came`);
  check((document.headers()["content-security-policy"] ?? "").includes("sandbox"), "the document is in a sandbox");
  check(document.headers()["x-content-type-options"] === "nosniff", "the document's type is not guessed");
  if (await page.locator("object.pdf").count()) {
    check((await document.body()).subarray(0, 5).toString() === "%PDF-", "the document is a PDF");
    await page.waitForTimeout(1500); // the browser's own reader says nowhere that it is ready
  }
  await axe(page);
  await look(page, where);

  where = name("viewer");
  await page.locator(".report-actions a.primary").first().click();
  await page.waitForSelector("#viewer");
  await imageShown(page);
  await settled(page);
  await identity(page);
  check(/not for primary diagnosis/i.test(await text(page, ".diagnosis")), "what the pictures are not for is said");
  await axe(page);
  await look(page, where, { full: false });
  const position = () => text(page, "#position");
  const before = await position();
  const screen = await page.locator("#screen").boundingBox();
  const middle = { x: screen.x + screen.width / 2, y: screen.y + screen.height / 2 };
  if (Number(before.split("/")[1]) > 3) {
    if (phone) await page.locator("#slider").fill("3");
    else {
      await page.mouse.move(middle.x, middle.y);
      await page.mouse.wheel(0, 120);
      await page.mouse.wheel(0, 120);
    }
    await page.waitForFunction((old) => document.getElementById("position").textContent !== old, before);
    check((await position()) !== before, "scrolling turns images over");
    await imageShown(page);
  }
  const level = () => text(page, "#corner-window");
  check(/W .* L /.test(await level()), `the window is in its corner: ${await level()}`);
  if (!phone) {
    const old = await level();
    await page.mouse.move(middle.x, middle.y);
    await page.mouse.down();
    await page.mouse.move(middle.x + 60, middle.y + 20, { steps: 4 });
    await page.mouse.up();
    check((await level()) !== old, "dragging changes the window");
    await page.mouse.down({ button: "right" });
    await page.mouse.move(middle.x + 60, middle.y - 60, { steps: 4 });
    await page.mouse.up({ button: "right" });
    check(!/Zoom 100 %/.test(await level()), "the right button zooms");
    await settled(page);
    await imageShown(page);
    where = name("viewer-window");
    await look(page, where, { full: false });
    await page.keyboard.press("r");
    check(/Zoom 100 %/.test(await level()), "R resets");
  }
  await page.locator("#invert").click();
  await settled(page);
  await imageShown(page);
  const tiles = page.locator("a.tile");
  if ((await tiles.count()) > 1) {
    await tiles.nth(1).click();
    await imageShown(page);
  }
  where = name("viewer-help");
  await page.locator("#help").click();
  await settled(page);
  await axe(page);
  await look(page, where);

  where = name("error");
  const missing = `${portal}/patient/NOBODY`;
  page.expected.add(missing);
  const answer = await page.goto(missing);
  check(answer.status() === 404, "an unknown patient is 404");
  check(/\w{8,}/.test(await text(page, "#reference")), "an error has its reference");
  await axe(page);
  await look(page, where);
  await context.close();
}

/** The main path with the keyboard alone. */
async function keyboard(browser) {
  where = "keyboard";
  const { context, page } = await open(browser, { width: 1280 });
  const focus = async (what, matches, most = 80) => {
    for (let n = 0; n < most; n += 1) {
      await page.keyboard.press("Tab");
      const found = await page.evaluate(() => {
        const on = document.activeElement;
        const style = getComputedStyle(on);
        const seen = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
        return { words: (on.getAttribute("aria-label") ?? on.textContent ?? "").trim(), id: on.id, seen };
      });
      if (matches(found)) {
        check(found.seen, `the focus is seen on ${what}`);
        return true;
      }
    }
    check(false, `${what} is reached with the Tab key`);
    return false;
  };
  await page.goto(portal);
  await page.keyboard.press("Tab");
  check(/skip/i.test(await page.evaluate(() => document.activeElement.textContent)), "the first stop skips to the content");
  await focus("the search", ({ id }) => id === "q");
  await page.keyboard.type(patient);
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=/);
  await focus("the patient", ({ words }) => words.includes(patient));
  await page.keyboard.press("Enter");
  await page.waitForSelector(".line");
  await focus("a report", ({ words }) => words.startsWith("Read report"));
  await page.keyboard.press("Enter");
  await page.waitForSelector(".report-head");
  await focus("the images of the report", ({ words }) => /^See .*images?$/.test(words));
  await page.keyboard.press("Enter");
  await page.waitForSelector("#viewer");
  await imageShown(page);
  const before = await text(page, "#position");
  check((await page.evaluate(() => document.activeElement.id)) === "screen", "the image has the focus");
  await page.keyboard.press("ArrowDown");
  if (Number(before.split("/")[1]) > 1) check((await text(page, "#position")) !== before, "an arrow turns the image over");
  await page.keyboard.press("i");
  check((await page.locator("#invert").getAttribute("aria-pressed")) === "true", "I inverts");
  await page.keyboard.press("r");
  await page.keyboard.press("2");
  await page.keyboard.press(" ");
  check((await page.locator("#play").getAttribute("aria-pressed")) === "true", "the space bar plays");
  await page.keyboard.press(" ");
  await settled(page);
  await context.close();
}

/** Every language fits on a phone. */
async function languages(browser) {
  const { context, page } = await open(browser, { width: 360 });
  where = "languages";
  await page.goto(`${portal}/patient/${patient}`);
  const tags = await page.locator(".top-end a[hreflang]").evaluateAll((links) => links.map((link) => link.hreflang));
  for (const tag of tags) {
    where = `360-light-${tag}-timeline`;
    await page.goto(`${portal}/patient/${patient}?lang=${tag}`);
    await settled(page);
    check((await page.evaluate(() => document.documentElement.lang)) === tag, `the page is in ${tag}`);
    await axe(page);
    await look(page, where);
    where = `360-light-${tag}-patients`;
    await page.goto(portal);
    check((await page.evaluate(() => document.documentElement.lang)) === tag, `${tag} is remembered`);
    await look(page, where);
  }
  await context.close();
}

/** Lists and reports without any script. */
async function withoutScripts(browser) {
  where = "without scripts";
  const { context, page } = await open(browser, { width: 1280, scripts: false });
  await page.goto(`${portal}?q=${patient}`);
  await page.locator(".patients a").first().click();
  await page.waitForSelector(".line");
  const all = await page.locator(".line").count();
  await page.locator("#modality").selectOption({ index: 1 });
  await page.locator("#filter button[type=submit]").click();
  await page.waitForURL(/modality=/);
  check((await page.locator(".line").count()) <= all, "the filter works");
  await page.getByRole("link", { name: "Read report" }).first().click();
  await page.waitForSelector(".report-head");
  check((await page.locator("a[download]").count()) === 1, "the report can be saved");
  await page.locator(".report-actions a.primary").first().click();
  await page.waitForSelector("#viewer");
  check((await page.locator("a.tile img").count()) > 0, "the series are shown");
  await page.screenshot({ path: path.join(folder, "1280-no-script-viewer.png") });
  await context.close();
}

/** What is not about looks. */
async function manners(browser) {
  where = "manners";
  const { context, page } = await open(browser, { width: 1280 });
  const head = await page.request.fetch(portal, { method: "HEAD" });
  check(head.status() === 200 && (await head.body()).length === 0, "HEAD works");
  await page.goto(portal);
  for (const asset of await page.evaluate(() => [...document.querySelectorAll("link[href], script[src]")].map((e) => e.href || e.src))) {
    const answer = await page.request.get(asset);
    check(answer.status() === 200 && /immutable/.test(answer.headers()["cache-control"]), `${asset} is kept for ever`);
  }
  const other = await page.request.get(`${portal}/patient/${patient}/study/00000000-0000-4000-8000-000000000000/images`);
  check(other.status() === 404, "a study that is not the patient's is 404");
  const printed = `${portal}/patient/${patient}`;
  await page.goto(printed);
  await page.emulateMedia({ media: "print" });
  check(!(await page.locator(".filter-form").isVisible()), "controls are not printed");
  await look(page, "print-timeline");
  await context.close();
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
});
try {
  for (const width of [360, 1280]) for (const scheme of ["light", "dark"]) await walk(browser, width, scheme);
  await keyboard(browser);
  await languages(browser);
  await withoutScripts(browser);
  await manners(browser);
} catch (error) {
  failures.push(`${where}: ${error.message}`);
  console.error(`FAILED ${where}: ${error.stack}`);
} finally {
  await browser.close();
}
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length ? 1 : 0);
