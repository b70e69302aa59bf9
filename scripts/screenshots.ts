/**
 * `npm run screenshots [-- --to DIR --only TEXT]`: takes a picture of every page of the console in light, in dark and on a phone, into `screenshots/`,
 * which is not committed. The data are a small company's month, and the story of the browser tests. `--only` takes pages whose path contains
 * the text.
 * `npm run screenshots -- --docs`: takes the pictures of the main pages for docs/console, and prints the time to the first byte of each page.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { median } from "../bench/percentiles.ts";
import { Server } from "../test/cli/support/server.ts";
import { findChromium } from "../test/console/browser/support/findChromium.ts";
import { pagesOf, tell } from "../test/console/browser/support/story.ts";
import { readOptions } from "./options.ts";
import { type Month, aMonth } from "./screenshots/month.ts";
import { root } from "./wrangler.ts";

const options = readOptions({
  docs: { type: "boolean", default: false },
  to: { type: "string", default: join(root, "screenshots") },
  only: { type: "string", default: "" },
});
const pictures = options.docs ? join(root, "docs/console") : options.to;
const directory = mkdtempSync(join(tmpdir(), "stackpass-screenshots-"));
const browserPath = findChromium();
if (!browserPath) throw new Error("no Chromium in CHROMIUM, or as chromium, chromium-browser or google-chrome in PATH");
mkdirSync(pictures, { recursive: true });

const desktop = { viewport: { width: 1200, height: 780 } };
const phone = { viewport: { width: 390, height: 780 }, deviceScaleFactor: 1.5, hasTouch: true, isMobile: true };

const server = await Server.start({ directory });
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  const month = await aMonth(server);
  if (options.docs) {
    await photograph(month);
    await clock(month);
  } else await photographAll(month);
} finally {
  await browser.close();
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
}

/** Takes a picture of every page in its full length. The file is named after the path. */
async function photographAll(month: Month): Promise<void> {
  const { admin, member } = server.credentials.organizations["acme"] as { admin: string; member: string };
  const story = await tell({ url: server.url, admin, member }, "story", (plain) => plain);
  const paths = ["/signin", ...new Set([...Object.values(month.pages), ...pagesOf(story)])].filter((path) => path.includes(options.only));
  for (const [look, settings] of [
    ["light", { ...desktop, colorScheme: "light" }],
    ["dark", { ...desktop, colorScheme: "dark" }],
    ["phone", { ...phone, colorScheme: "light" }],
  ] as const) {
    const context = await browser.newContext({ baseURL: server.url, ...settings });
    const page = await context.newPage();
    await signIn(page, month.admin);
    for (const path of paths) {
      await page.goto(path);
      const name =
        path
          .replaceAll(/[^A-Za-z0-9-]+/g, "_")
          .replaceAll(/^_|_$/g, "")
          .slice(0, 80) || "home";
      await page.screenshot({ animations: "disabled", fullPage: true, path: join(pictures, `${name}.${look}.png`) });
    }
    await context.close();
    console.log(`${paths.length} pages in ${look}`);
  }
  console.log(`The pictures are in ${pictures}.`);
}

async function photograph(month: Month): Promise<void> {
  const { pages } = month;
  await take(month, "light", { ...desktop, colorScheme: "light" }, pages);
  await take(month, "dark", { ...desktop, colorScheme: "dark" }, pick(pages, "tokens", "audit", "update"));
  await take(month, "phone", { ...phone, colorScheme: "light" }, pick(pages, "tokens", "stack", "update", "resources"));
}

function pick(pages: Record<string, string>, ...names: string[]) {
  return Object.fromEntries(names.map((name) => [name, pages[name]!]));
}

async function take(month: Month, look: string, settings: BrowserContextOptions, pages: Record<string, string>): Promise<void> {
  const context = await browser.newContext({ baseURL: server.url, ...settings });
  const page = await context.newPage();
  await signIn(page, month.admin);
  const shoot = async (name: string) => {
    const png = await page.screenshot({ animations: "disabled" });
    writeFileSync(join(pictures, `${name}-${look}.png`), png);
    console.log(`${`${name}-${look}.png`.padEnd(24)} ${Math.round(png.length / 1024)} KB`);
  };
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(path);
    if (name === "dryrun") await tryClaims(page);
    await shoot(name);
  }
  if (look === "light") {
    await page.goto("/acme/~/tokens/new");
    await page.fill("#name", "gitlab-shop");
    await page.fill("#description", "deploys of the shop from GitLab");
    await shoot("create");
    await page.click("main form button");
    await page.waitForURL(/\/value$/);
    await shoot("value");
  }
  await context.close();
}

/** Claims with a mistake in writing. */
async function tryClaims(page: Page): Promise<void> {
  const claims = {
    aud: "urn:pulumi:org:acme",
    repository: "acme/shop",
    repository_owner_id: 1001,
    repository_id: 2002,
    ref: "refs/heads/mian",
  };
  await page.fill("#pasted", JSON.stringify(claims));
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.getByText("near miss").scrollIntoViewIfNeeded();
}

async function signIn(page: Page, token: string): Promise<void> {
  await page.goto("/signin");
  await page.fill("#token", token);
  await page.click("main form button");
  await page.waitForURL((url) => url.pathname !== "/signin");
}

/** Milliseconds from the request to the first byte of the answer, by page. */
async function clock({ admin, pages }: Month): Promise<void> {
  const context = await browser.newContext({ baseURL: server.url });
  await signIn(await context.newPage(), admin);
  const Cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  await context.close();
  console.log("\nfirst byte, milliseconds        p50    max     KB");
  for (const [name, path] of Object.entries(pages)) {
    const times: number[] = [];
    let size = 0;
    for (let i = 0; i < 25; i++) {
      const started = performance.now();
      const answer = await fetch(server.url + path, { headers: { Cookie, Accept: "text/html" } });
      times.push(performance.now() - started);
      size = (await answer.text()).length;
    }
    // Caches are empty for the first requests.
    const warm = times.slice(5);
    console.log(
      `${name.padEnd(28)} ${median(warm).toFixed(1).padStart(6)} ${Math.max(...warm)
        .toFixed(1)
        .padStart(6)} ${(size / 1000).toFixed(1).padStart(6)}`,
    );
  }
}
