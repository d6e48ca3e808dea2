// Opens a running console in headless Chromium as an operator does: reads what is stuck and why, who is down, what changed;
// at 360 px and 1280 px, light and dark, in every language, and without scripts. Then, told on standard input that the
// registry is back, it presses the button with the keyboard alone and sees the row change without a reload. axe-core
// finds no violation, no console error, no request to another host, no page over 60 KB, nothing wider than the screen.
//
//   node console.mjs BASE_URL SCREENSHOT_DIR STUDY_UID
//
// BASE_URL is where /console is. The study is stuck because its registry is down. `ready` on standard output asks for the
// registry; a line on standard input says that it is there. playwright-core, axe-core and the browser: as for portal.mjs.
// Exits 1 when a check failed, 2 when it cannot run.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import readline from "node:readline";

const [base, folder, study] = process.argv.slice(2);
if (!base || !folder || !study) {
  console.error("usage: node console.mjs BASE_URL SCREENSHOT_DIR STUDY_UID");
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
const start = `${origin}/console`;
const told = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
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
    if (page.expected.has(message.location().url ?? "")) return;
    check(false, `console ${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => check(false, `script error: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) check(false, `a request to another host: ${request.url()}`);
  });
  page.on("response", async (response) => {
    const type = response.headers()["content-type"] ?? "";
    if (!type.startsWith("text/html")) return;
    const policy = response.headers()["content-security-policy"] ?? "";
    check(policy.includes("default-src 'none'") && !policy.includes("unsafe"), `a strict policy for ${response.url()}`);
    check((response.headers()["cache-control"] ?? "").includes("no-store"), `no-store for ${response.url()}`);
    try {
      const size = (await response.body()).length;
      check(size < 60 * 1024, `${response.url()} has ${size} octets`);
    } catch {
      // The page was left before its size could be read.
    }
  });
  return { context, page };
}

async function axe(page) {
  await page.evaluate(axeSource);
  const results = await page.evaluate(() =>
    globalThis.axe.run(document, {
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

async function look(page, name) {
  const { needs, has } = await page.evaluate(() => ({
    needs: document.scrollingElement.scrollWidth,
    has: document.scrollingElement.clientWidth,
  }));
  check(needs <= has, `the page is ${needs} px wide on a screen of ${has} px`);
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true, animations: "disabled" });
}

const text = async (page, selector) => ((await page.locator(selector).first().textContent()) ?? "").trim();
const row = (page) => page.locator(`[id="stuck-${study}"]`);

/** The four questions, and where their answers lead. */
async function walk(browser, width, scheme) {
  const { context, page } = await open(browser, { width, scheme });
  const name = (step) => `${width}-${scheme}-${step}`;

  where = name("console");
  await page.goto(start);
  check(/1 study is stuck, 1 peer is down/.test(await text(page, "h1")), `the headline: ${await text(page, "h1")}`);
  const words = (await row(page).textContent()) ?? "";
  check(/central does not answer:/.test(words), `the reason in words: ${words}`);
  check(/stuck since/.test(words) && /attempt/.test(words), `since when and how often: ${words}`);
  check(/has not answered since/.test(await text(page, "#peer-central")), "the peer is down, since when");
  check(/does not answer|is tried again/.test(await text(page, "#changes")), "what changed is told");
  check((await page.locator(".number svg polyline").count()) === 4, "four numbers have their line");
  const drawn = (await page.locator("#tile-received polyline").getAttribute("points")).split(" ").length;
  check(drawn < 60, `the line begins with the process, ${drawn} minutes are drawn`);
  await page.waitForFunction(() => /Live/.test(document.getElementById("as-of").textContent));
  await axe(page);
  await look(page, where);

  where = name("search");
  await page.getByRole("searchbox").fill("nobody");
  await page.getByRole("searchbox").press("Enter");
  await page.waitForURL(/q=nobody/);
  check(/No study matches/.test(await text(page, "#studies-empty")), "an empty search says so");
  await axe(page);
  await look(page, where);
  await page.goto(`${start}?stage=stuck&q=${study}`);
  check((await page.locator(".study-row").count()) === 1, "the study is found by its UID");
  await page.goto(`${start}?stage=published`);
  check((await page.locator(".study-row").count()) === 0, "none is published");

  where = name("study");
  await page.goto(start);
  await row(page).getByRole("link").first().click();
  await page.waitForURL(/\/study\//);
  check(/P0001/.test(await text(page, ".study-record")), "the study's page has the patient's number");
  await page.waitForFunction(() => /Live/.test(document.getElementById("as-of").textContent));
  check((await page.locator("#changes li").count()) > 0, "its past is told");
  await axe(page);
  await look(page, where);

  where = name("error");
  const missing = `${start}/study/2.25.404`;
  page.expected.add(missing);
  const answer = await page.goto(missing);
  check(answer.status() === 404 && /\w{8,}/.test(await text(page, "#reference")), "an unknown study is 404 in words");
  await axe(page);
  await look(page, where);
  await context.close();
}

/** Every language fits on a phone. */
async function languages(browser) {
  const { context, page } = await open(browser, { width: 360 });
  await page.goto(start);
  const tags = await page.locator(".top-end a[hreflang]").evaluateAll((links) => links.map((link) => link.hreflang));
  check(tags.length > 1, "there are other languages");
  for (const tag of tags) {
    where = `360-light-${tag}`;
    await page.goto(`${start}?lang=${tag}`);
    check((await page.evaluate(() => document.documentElement.lang)) === tag, `the page is in ${tag}`);
    await axe(page);
    await look(page, where);
  }
  await context.close();
}

/** The page and its button without any script: by reload. */
async function withoutScripts(browser) {
  where = "without scripts";
  const { context, page } = await open(browser, { width: 1280, scripts: false });
  await page.goto(start);
  await row(page).getByRole("button", { name: "Try now" }).click();
  await page.waitForURL(/done=now/);
  check(/It is being tried/.test(await text(page, ".notice")), "the page says what became of the command");
  check(await row(page).count(), "the row is still there");
  await page.locator(".tabs a").nth(1).click();
  await page.waitForURL(/stage=waiting/);
  await page.screenshot({ path: path.join(folder, "1280-no-script.png"), fullPage: true });
  await context.close();
}

/** The registry comes back: the button is pressed with the keyboard, and the row changes in its place. */
async function mend(browser) {
  where = "mend";
  const { context, page } = await open(browser, { width: 1280 });
  await page.goto(start);
  await page.evaluate(() => (globalThis.thisPage = "never left"));
  const focus = async (what, matches) => {
    for (let n = 0; n < 60; n += 1) {
      await page.keyboard.press("Tab");
      const found = await page.evaluate(() => {
        const on = document.activeElement;
        const style = getComputedStyle(on);
        const seen = style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
        return { words: (on.textContent ?? "").trim(), tag: on.tagName, seen };
      });
      if (matches(found)) return check(found.seen, `the focus is seen on ${what}`);
    }
    return check(false, `${what} is reached with the Tab key`);
  };
  await page.keyboard.press("Tab");
  check(/skip/i.test(await page.evaluate(() => document.activeElement.textContent)), "the first stop skips to the content");
  await focus("the button", ({ words, tag }) => tag === "BUTTON" && words.includes(study));
  // While the registry is down, the answer stays in the row and so does the focus.
  await page.keyboard.press("Enter");
  const said = page.locator(`[data-said="${study}"]`);
  await said.filter({ hasText: "It is being tried" }).waitFor();
  await page.waitForTimeout(2500); // a fresh page has come meanwhile
  check(/It is being tried/.test((await said.textContent()) ?? ""), "what was said stays");
  check(await page.evaluate(() => document.activeElement?.tagName === "BUTTON"), "the focus stays on the button");
  await look(page, "1280-light-tried");

  const top = (await row(page).boundingBox()).y;
  console.log("ready");
  await told.next();
  // It may have been tried by itself meanwhile; then there is no button any more.
  if (await row(page).getByRole("button").count()) await page.keyboard.press("Enter");
  await row(page).filter({ hasText: "Published" }).waitFor({ timeout: 30_000 });
  check((await page.evaluate(() => globalThis.thisPage)) === "never left", "the page was not loaded again");
  check((await row(page).boundingBox()).y === top, "the row is where it was");
  await page.locator("#peer-central", { hasText: "answers" }).waitFor({ timeout: 10_000 });
  await page.locator("h1", { hasText: "Everything is flowing" }).waitFor({ timeout: 10_000 });
  // New lines wait until the hand is off the page.
  await page.locator("#changes", { hasText: "central answers again" }).waitFor({ timeout: 15_000 });
  check(/Tried again by 127\.0\.0\.1/.test(await text(page, "#changes")), "who tried is told");
  await axe(page);
  await look(page, "1280-light-mended");
  // Its console as the last picture of the night: nothing is stuck, on a phone in the dark.
  const phone = await open(browser, { width: 360, scheme: "dark" });
  where = "flowing";
  await phone.page.goto(start);
  check(/Nothing is stuck/.test(await text(phone.page, "#stuck-empty")), "nothing is stuck any more");
  await axe(phone.page);
  await look(phone.page, "360-dark-flowing");
  await phone.context.close();
  await context.close();
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
});
try {
  for (const width of [360, 1280]) for (const scheme of ["light", "dark"]) await walk(browser, width, scheme);
  await languages(browser);
  await withoutScripts(browser);
  await mend(browser);
} catch (error) {
  failures.push(`${where}: ${error.message}`);
  console.error(`FAILED ${where}: ${error.stack}`);
} finally {
  await browser.close();
}
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length ? 1 : 0);
