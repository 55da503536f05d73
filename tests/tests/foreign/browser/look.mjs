// Opens pages in a browser as people do, and prints what it found as JSON.
//
//   node look.mjs BROWSER FOLDER PAGE...
//
// Every page is opened in the light and in the dark scheme, at the width of a telephone, a tablet and a screen. axe looks
// for what keeps people from reading it. Screenshots go into FOLDER.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const [browserPath, folder, ...files] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Headings, tiles and tables as a person reads them.
function read() {
  const text = (element) => element.textContent.trim().replace(/\s+/g, " ");
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const tables = all("section.figure").map((figure) => [
    figure.id,
    {
      head: all("thead th", figure).map(text),
      rows: all("tbody tr", figure).map((row) => all("th, td", row).map(text)),
      basis: all(".basis dd", figure).map(text),
      charts: all(".chart .row", figure).map((row) => all("span", row).map(text)),
    },
  ]);
  return {
    heading: text(document.querySelector("h1")),
    tiles: Object.fromEntries(all(".tiles div").map((tile) => [text(tile.querySelector("dt")), text(tile.querySelector(".value"))])),
    unseen: all("#unseen li").map(text),
    figures: Object.fromEntries(tables),
    scripts: all("script").length,
  };
}

// Whether the policy stops a picture from elsewhere.
function tryToLoad() {
  return new Promise((resolve) => {
    document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), { once: true });
    const picture = document.createElement("img");
    picture.src = "https://contoso.example/picture.png";
    document.body.append(picture);
    setTimeout(() => resolve("nothing"), 2000);
  });
}

const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
const found = [];
try {
  for (const file of files) {
    const looks = [];
    let content;
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [390, 768, 1280]) {
        const page = await browser.newPage({ colorScheme, viewport: { width, height: 844 } });
        const problems = [];
        page.on("console", (message) => problems.push(message.text()));
        page.on("pageerror", (error) => problems.push(String(error)));
        page.on("request", (request) => request.url().startsWith("file:") || problems.push(request.url()));
        await page.goto(pathToFileURL(file).href);
        content = await page.evaluate(read);
        const widest = await page.evaluate(() => document.scrollingElement.scrollWidth);
        const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        await page.screenshot({ path: join(folder, `${basename(file, ".html")}-${colorScheme}-${width}.png`), fullPage: true });
        const loaded = [...problems];
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
        const why = violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.target).join(" ")}`);
        looks.push({ colorScheme, width, widest, background, problems: loaded, violations: why });
        await page.close();
      }
    }
    const page = await browser.newPage({ colorScheme: "dark" });
    await page.goto(pathToFileURL(file).href);
    await page.emulateMedia({ media: "print" });
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const pdf = await page.pdf({ format: "A4" });
    await page.emulateMedia({ media: "screen" });
    const stopped = await page.evaluate(tryToLoad);
    await page.close();
    found.push({ content, looks, paper, printed: pdf.length, stopped });
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(found));
