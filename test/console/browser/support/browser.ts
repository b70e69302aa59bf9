import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, type BrowserContextOptions, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, inject } from "vitest";
import { findChromium } from "./findChromium.ts";
import type { Cast } from "./story.ts";

let browser: Browser;
beforeAll(async () => {
  // Chromium runs without its sandbox, because build machines run tests in containers, as root.
  browser = await chromium.launch({ executablePath: findChromium()!, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
});
afterAll(() => browser.close());

/** A separate browser without cookies. A script that a page must not run would set `window.ran`. */
export async function newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: inject("url"), ...options });
  context.setDefaultTimeout(30_000);
  return context;
}

/** A page of a signed-in person, at the list of tokens. */
export async function signedIn(context: BrowserContext, token = inject("people")["acme"]!["admin"]!): Promise<Page> {
  const page = await context.newPage();
  await page.goto("/signin");
  await page.fill("#token", token);
  await page.click("main form button");
  await page.waitForURL((url) => url.pathname !== "/signin");
  return page;
}

/** Presses a button of a form. Returns when the next page is complete: an element may exist before the rest of its page has arrived. */
export const submit = (page: Page, name: string) =>
  Promise.all([page.waitForEvent("load"), page.getByRole("button", { name, exact: true }).click()]);

/** The people that a story is about. */
export const cast = (): Cast => ({
  url: inject("url"),
  admin: inject("people")["acme"]!["admin"]!,
  member: inject("people")["acme"]!["member"]!,
});

export const tokens = "/acme/~/tokens";

/** Creates a token with the form. @returns its id and value */
export async function createToken(page: Page, name: string, description = ""): Promise<{ id: string; value: string }> {
  await page.goto(`${tokens}/new`);
  await page.fill("#name", name);
  await page.fill("#description", description);
  await page.click("main form button");
  await page.waitForURL(/\/value$/);
  const value = (await page.locator("pre").first().textContent())!.trim();
  expect(value).toMatch(/^pul-/);
  return { id: page.url().split("/").at(-2)!, value };
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The findings of axe-core on the page as it is: all of them in light colors, and those that depend on colors also in dark. */
export async function violations(page: Page): Promise<string[]> {
  // An element may exist before the rest of its page has arrived.
  await page.waitForLoadState("load");
  await page.evaluate(axe);
  const light = await run(page, undefined);
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await run(page, ["color-contrast"]);
  await page.emulateMedia({ colorScheme: "light" });
  return [...light, ...dark.map((wrong) => `dark: ${wrong}`)];
}

const run = (page: Page, only: string[] | undefined): Promise<string[]> =>
  page.evaluate(async (only) => {
    type Axe = { run: (options: object) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> };
    const { violations } = await (window as unknown as { axe: Axe }).axe.run(only ? { runOnly: only } : {});
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary ?? ""}`).join("; ")}`);
  }, only);
