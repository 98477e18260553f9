// Alerts as a mail client shows them: in a narrow and in a wide window, light and dark.
//
//     node show.mjs FOLDER ALERT.html...
//
// Fails if an alert is wider than its window, or its contrast is too low. Leaves a picture of each in FOLDER. The browser is
// $CHROMIUM, or `chromium` on the path.

import { mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { execFileSync } from "node:child_process";

import puppeteer from "puppeteer-core";

const WIDTHS = [360, 800];
const SCHEMES = ["light", "dark"];
/** The contrast that WCAG requires of text of this size. */
const LEAST_CONTRAST = 4.5;

const [folder, ...alerts] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM ?? execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
mkdirSync(folder, { recursive: true });
const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const problems = [];
let shown = 0;
try {
  const page = await browser.newPage();
  // An alert loads nothing from the network.
  await page.setOfflineMode(true);
  for (const path of alerts) {
    for (const width of WIDTHS) {
      for (const scheme of SCHEMES) {
        await page.setViewport({ width, height: 600 });
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
        await page.goto(pathToFileURL(resolve(path)).href);
        const name = `${basename(path, ".html")}-${width}-${scheme}`;
        problems.push(...judge(await page.evaluate(measure), width, scheme).map((problem) => `${name}: ${problem}`));
        await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
        shown += 1;
      }
    }
  }
} finally {
  await browser.close();
}
for (const problem of problems) console.error(problem);
console.log(`${alerts.length} alerts shown ${shown} times, ${problems.length} problems; pictures in ${folder}`);
process.exitCode = problems.length > 0 || shown === 0 ? 1 : 0;

/** Runs in the page. */
function measure() {
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const canvas = document.createElement("div");
  canvas.style.color = "Canvas";
  document.body.append(canvas);
  const background = channels(getComputedStyle(canvas).color);
  canvas.remove();
  const texts = [...document.querySelectorAll("p, li, h2, pre, blockquote, a")];
  return {
    scrollWidth: document.documentElement.scrollWidth,
    widest: Math.max(...texts.map((element) => element.getBoundingClientRect().right)),
    clipped: texts.filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0).length,
    background,
    colors: texts.map((element) => ({ tag: element.tagName, color: channels(getComputedStyle(element).color) })),
  };
}

function judge({ scrollWidth, widest, clipped, background, colors }, width, scheme) {
  const found = [];
  if (scrollWidth > width) found.push(`is ${scrollWidth} wide in a window of ${width}`);
  if (widest > width) found.push(`has text up to ${widest} in a window of ${width}`);
  if (clipped > 0) found.push(`has ${clipped} texts wider than their place`);
  if (luminance(background) < 0.5 !== (scheme === "dark")) found.push(`is not ${scheme}`);
  for (const { tag, color } of colors) {
    const contrast = contrastOf(color, background);
    if (contrast < LEAST_CONTRAST) found.push(`has a ${tag} with a contrast of ${contrast.toFixed(1)}`);
  }
  return found;
}

/** https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio */
function contrastOf(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((left, right) => left - right);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance([red, green, blue]) {
  const linear = (channel) => (channel <= 10 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
