// SPDX-License-Identifier: MIT
// The page of the consistency report in a browser: TREADLE_PAGE_OF makes it of the JSON in
// TREADLE_EXAMPLE, as it is and as it might be.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const work = mkdtempSync(join(tmpdir(), "treadle-page-test-"));
const example = JSON.parse(readFileSync(join(process.env.TREADLE_EXAMPLE, "report.json"), "utf8"));
const hostile = "<script>window.struck=1</script>\"'&\u0007\u202e<img src=x onerror=window.struck=1>";
const shownHostile = "<script>window.struck=1</script>\"'&\\x07\\u{202e}<img src=x onerror=window.struck=1>";

let browser;

// The file of a page made of a changed report.
const pageOf = (name, change = () => {}) => {
  const report = structuredClone(example);
  // JavaScript writes a large real number without its point, which then is no integer that fits.
  for (const cell of report.cells) cell.estimate = null;
  change(report);
  const json = join(work, `${name}.json`);
  writeFileSync(json, JSON.stringify(report));
  const html = join(work, `${name}.html`);
  writeFileSync(html, execFileSync(process.env.TREADLE_PAGE_OF, [json], { maxBuffer: 1 << 26 }));
  return `file://${html}`;
};

// A page that was opened, and all that it asked for and complained of.
const open = async (url, options = {}) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  const requests = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, complaints, requests, close: () => context.close() };
};

const openAll = (page) =>
  page.evaluate(async () => {
    document.querySelectorAll("details").forEach((one) => (one.open = true));
    await new Promise((done) => setTimeout(done, 200));
    document.querySelectorAll("details").forEach((one) => (one.open = true));
  });

// A smaller report, for what looks at every element.
const few = (report) => {
  const component = report.components[0].name;
  report.components.length = 1;
  report.cells = report.cells.filter((cell) => cell.component === component);
  report.claims = report.claims.slice(0, 10);
  report.detection = report.detection.slice(0, 10);
  report.counterexamples = report.counterexamples
    .filter((one) => report.cells.some((cell) => cell.id === one.cell))
    .slice(0, 3);
  const kept = new Set(report.counterexamples.map((one) => one.id));
  for (const one of [...report.cells, ...report.claims, ...report.detection])
    if (!kept.has(one.counterexample)) one.counterexample = null;
};

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.TREADLE_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox"],
  });
});
after(async () => {
  await browser?.close();
  rmSync(work, { recursive: true });
});

describe("the page", () => {
  test("opens from disk, complains of nothing, asks for nothing", async () => {
    const url = pageOf("whole");
    const { page, complaints, requests, close } = await open(url);
    await openAll(page);
    assert.deepEqual(complaints, []);
    assert.deepEqual(requests, [url]);
    await close();
  });

  test("has as many cells as the JSON, and links that lead somewhere", async () => {
    const { page, close } = await open(pageOf("cells"));
    const cells = await page.locator("[data-cell]").evaluateAll((all) => all.map((one) => one.dataset.cell));
    assert.deepEqual(cells.sort(), example.cells.map((cell) => cell.id).sort());
    const nowhere = await page.evaluate(() =>
      [...document.querySelectorAll('a[href^="#"]')].map((a) => a.hash.slice(1)).filter((id) => !document.getElementById(id)));
    assert.deepEqual(nowhere, []);
    await close();
  });

  test("answers in the right order", async () => {
    const { page, close } = await open(pageOf("order"));
    const sections = await page.locator("main > section").evaluateAll((all) => all.map((one) => one.id));
    assert.deepEqual(sections, ["answer", "matrix", "claims", "counterexamples", "detection", "reproduction"]);
    await close();
  });

  test("prints unfolded, within the paper's width", async () => {
    const { page, complaints, close } = await open(pageOf("printed", few), { viewport: { width: 703, height: 1000 } });
    await page.emulateMedia({ media: "print" });
    const seen = await page.evaluate(() => {
      dispatchEvent(new Event("beforeprint"));
      const wide = [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
      return {
        folded: document.querySelectorAll("details:not([open]), noscript").length,
        wide: wide.map((one) => `${one.tagName} ${one.textContent.slice(0, 40)}`),
        lines: [...document.querySelectorAll(".links b")].filter((one) => one.getClientRects().length > 0).length,
        drawn: document.querySelectorAll(".links b").length,
      };
    });
    assert.ok(seen.drawn > 0);
    assert.deepEqual({ ...seen, drawn: 0 }, { folded: 0, wide: [], lines: 0, drawn: 0 });
    const pdf = await page.pdf({ format: "A4", preferCSSPageSize: true });
    assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
    assert.deepEqual(complaints, []);
    await close();
  });

  test("shows hostile names as text", async () => {
    const url = pageOf("hostile", (report) => {
      few(report);
      for (const component of report.components) component.title = component.sentence = hostile;
      for (const cell of report.cells) cell.summary = cell.how = hostile;
      for (const one of report.counterexamples) {
        one.message = one.reason = one.token = hostile;
        for (const run of [one.failing, one.passing]) {
          if (!run) continue;
          run.threads = run.threads.map(() => hostile);
          run.events.forEach((event) => {
            event.text = hostile;
            if (event.redis) event.redis.forEach((it) => (it.command = it.reply = hostile));
            if (event.changes) event.changes = { [hostile]: hostile };
          });
        }
      }
      report.claims.forEach((claim) => (claim.text = claim.evidence = hostile));
      report.reproduction.command = hostile;
    });
    const { page, complaints, requests, close } = await open(url);
    await openAll(page);
    assert.equal(await page.evaluate(() => window.struck), undefined);
    assert.deepEqual(complaints, []);
    assert.deepEqual(requests, [url]);
    assert.equal(await page.locator("img").count(), 0);
    assert.equal(await page.locator(".card h3").first().textContent(), shownHostile);
    assert.equal(await page.locator(".lanes kbd").first().textContent(), shownHostile);
    assert.doesNotMatch(await page.content(), /[\u0007\u202e]/);
    await close();
  });

  test("is readable in narrow and in wide windows", async () => {
    const url = pageOf("widths", few);
    for (const width of [360, 1920]) {
      const { page, close } = await open(url, { viewport: { width, height: 800 } });
      await openAll(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${wide} columns in a window of ${width}`);
      // A caption or a cell that is squeezed has a word a line, or a letter.
      const squeezed = await page.evaluate(() =>
        [...document.querySelectorAll(".cx :is(caption, th, td)")]
          .filter((one) => one.textContent.length > 8 && one.getClientRects().length > 0)
          .filter((one) => one.clientHeight > 0 && one.clientWidth < 40)
          .map((one) => `${one.tagName} ${one.textContent}`));
      assert.deepEqual(squeezed, []);
      await close();
    }
  });

  for (const colorScheme of ["light", "dark"]) {
    test(`has no serious finding of axe, ${colorScheme}`, async () => {
      const { page, close } = await open(pageOf(`axe-${colorScheme}`, few), { colorScheme, bypassCSP: true });
      await openAll(page);
      await page.locator('.cx[open] .stepper button:has-text("Next")').first().click();
      await page.addScriptTag({ path: axePath });
      const { violations } = await page.evaluate(() => axe.run());
      const serious = violations.filter((one) => ["serious", "critical"].includes(one.impact));
      assert.deepEqual(serious.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 200)} ${one.nodes[0].failureSummary}`), []);
      await close();
    });
  }

  test("says the essentials without scripts", async () => {
    const { page, close } = await open(pageOf("plain", few), { javaScriptEnabled: false });
    assert.match(await page.locator("#answer .answer").innerText(), /\./);
    const run = page.locator(".cx[open] .run").first();
    assert.ok(await run.isVisible());
    assert.ok((await run.locator("li").count()) > 3);
    assert.equal(await page.locator(".stepper").count(), 0);
    const other = page.locator(".cx[open] .passing");
    assert.ok(!(await other.isVisible()));
    await page.locator(".cx[open] .pick .other").check();
    assert.ok(await other.isVisible());
    assert.ok(!(await run.isVisible()));
    await close();
  });
});

describe("stepping", () => {
  const first = ".cx[open]";
  let opened;
  before(async () => {
    opened = await open(pageOf("steps"));
  });
  after(() => opened.close());

  test("moves the marker, by button and by key, and shows shared state", async () => {
    const { page } = opened;
    const marked = () =>
      page.locator(`${first} .run:visible li`).evaluateAll((all) => all.findIndex((one) => one.matches('.now[aria-current="step"]')));
    const forward = page.locator(`${first} .stepper button:has-text("Next")`);
    const state = page.locator(`${first} .stepper dl`);
    assert.equal(await marked(), -1);
    await forward.click();
    assert.equal(await marked(), 0);
    assert.match(await state.innerText(), /nothing yet/);
    for (let i = 1; i < 5; i++) await forward.click();
    assert.equal(await marked(), 4);
    assert.match(await state.innerText(), /window:openai/);
    await page.locator(`${first} .stepper button:has-text("Back")`).click();
    assert.equal(await marked(), 3);
    assert.doesNotMatch(await state.innerText(), /window:openai/);
    await page.keyboard.press("ArrowRight");
    assert.equal(await marked(), 4);
    await page.keyboard.press("End");
    assert.match(await page.locator(`${first} .now`).innerText(), /over-admission/);
    assert.ok(await forward.isDisabled());
  });

  test("switches to the nearest run that passes", async () => {
    const { page } = opened;
    await page.locator(`${first} .pick .other`).check();
    assert.ok(await page.locator(`${first} .passing`).isVisible());
    assert.ok(!(await page.locator(`${first} .failing`).isVisible()));
    // The last row was marked, and is here, too.
    assert.match(await page.locator(`${first} .passing .now`).innerText(), /holds/);
    await page.locator(`${first} .stepper button:has-text("Back")`).click();
    assert.match(await page.locator(`${first} .passing .now`).innerText(), /refused/);
  });

  test("a link opens what is folded", async () => {
    const { page } = opened;
    await page.locator('#claims a[href^="#c"]').last().click();
    const id = new URL(page.url()).hash;
    await page.waitForFunction((it) => document.querySelector(it).open, id);
    assert.ok(await page.locator(`${id} .facts`).isVisible());
  });
});
