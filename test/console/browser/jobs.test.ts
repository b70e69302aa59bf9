import { setTimeout } from "node:timers/promises";
import { type BrowserContext, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cast, newContext, signedIn } from "./support/browser.ts";
import { play, send } from "./support/story.ts";

/**
 * The maximum number of clicks that a job may take from the home page of the organization. Submitting a form counts as a click, and typing
 * does not.
 */
const MOST_CLICKS = 4;

const stack = "jobs/production";
const message = "modifying DB instance (orders): the instance is already being modified";

beforeAll(async () => {
  const { url, admin } = cast();
  const ask = <T>(method: string, path: string, json?: unknown) => send<T>(url, method, path, { token: admin, json });
  const { id, tokenValue } = await ask<{ id: string; tokenValue: string }>("POST", "/api/orgs/acme/tokens", {
    name: "nightly-deploy",
    description: "",
  });
  await ask("POST", "/api/stacks/acme/jobs", { stackName: "production" });
  const orders = { type: "aws:rds/instance:Instance", name: "orders", id: "db-9a7c", op: "create" };
  await play(url, tokenValue, { stack, kind: "update", resources: [orders], message: "Open the shop", end: "succeeded" });
  await play(url, tokenValue, {
    stack,
    kind: "update",
    resources: [{ ...orders, op: "update", failed: true }],
    message: "A larger database",
    says: [{ about: "orders", severity: "error", message }],
    end: "failed",
  });
  // Events are written into the log after the answers.
  const ended = async () => {
    const path = `/api/orgs/acme/auditlogs/v2?tokenFilter=${id}&eventFilter=stack-update-completed`;
    return (await ask<{ auditLogEvents: unknown[] }>("GET", path)).auditLogEvents.length;
  };
  while ((await ended()) < 2) await setTimeout(50);
});

/** A reader, whose clicks are counted. */
interface Reader {
  clicks: number;
  /** Opens a link, or presses a button. */
  open: (what: Locator) => Promise<void>;
  type: (field: Locator, text: string) => Promise<void>;
}

function readerAt(page: Page, press: (what: Locator) => Promise<void>): Reader {
  const reader: Reader = {
    clicks: 0,
    open: async (what) => {
      reader.clicks++;
      await Promise.all([page.waitForEvent("load"), press(what)]);
    },
    type: async (field, text) => {
      await expect.poll(() => isFocused(field)).toBe(true);
      await page.keyboard.type(text);
    },
  };
  return reader;
}

const isFocused = (what: Locator) => what.evaluate((one) => one === document.activeElement);

/** Moves forward with the Tab key alone. */
async function tabTo(page: Page, what: Locator): Promise<void> {
  for (let stops = 0; stops < 150; stops++) {
    if (await isFocused(what)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${String(what)} was not reached with Tab on ${page.url()}`);
}

const ways = {
  "with a mouse": { settings: {}, press: (what: Locator) => what.click() },
  "without JavaScript": { settings: { javaScriptEnabled: false }, press: (what: Locator) => what.click() },
  "with the keyboard alone": {
    settings: {},
    press: async (what: Locator) => {
      await tabTo(what.page(), what);
      await what.page().keyboard.press("Enter");
    },
  },
};

/** A zone in which it is 3 o'clock at night, so that an event of just now happened last night. */
const nightZone = Intl.supportedValuesOf("timeZone").find(
  (timeZone) => Number(new Intl.DateTimeFormat("en", { timeZone, hour: "2-digit", hourCycle: "h23" }).format(new Date())) === 3,
)!;

async function chooseZone(page: Page, zone: string): Promise<void> {
  await page.goto("/user/settings/display");
  await page.selectOption("#zone", zone);
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Save", exact: true }).click()]);
}

describe.each(Object.entries(ways))("a new user %s", (name, { settings, press }) => {
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    context = await newContext(settings);
    page = await signedIn(context);
    await chooseZone(page, nightZone);
  });
  afterAll(() => context.close());

  const job = async (work: (reader: Reader) => Promise<void>) => {
    await page.goto("/acme");
    const reader = readerAt(page, press);
    await work(reader);
    expect(reader.clicks).toBeLessThanOrEqual(MOST_CLICKS);
  };

  it("creates a token for Jenkins, and finds out how Jenkins uses it", () =>
    job(async ({ open, type }) => {
      await open(page.getByRole("link", { name: "Access tokens", exact: true }));
      await open(page.getByRole("link", { name: "Create token" }));
      const token = `jenkins-${name.replaceAll(" ", "-")}`;
      await type(page.getByLabel("Name", { exact: true }), token);
      await open(page.getByRole("button", { name: "Create token" }));
      const text = await page.textContent("main");
      expect(text).toMatch(/pul-[0-9a-f]{40}/);
      expect(text).toContain(`credentialsId: '${token}'`);
    }));

  it("finds which token touched production last night", () =>
    job(async ({ open }) => {
      await open(page.getByRole("link", { name: "Audit log", exact: true }).first());
      await open(page.getByRole("link", { name: "Production last night" }));
      const row = page.locator(".event", { hasText: stack }).first();
      expect(await row.textContent()).toContain("nightly-deploy");
      await open(row.getByRole("link"));
      await open(page.getByRole("link", { name: "nightly-deploy", exact: true }));
      expect(await page.textContent("h1")).toContain("nightly-deploy");
    }));

  it("finds why the deployment failed", () =>
    job(async ({ open }) => {
      const failed = page.locator("section", { has: page.getByRole("heading", { name: "Failed", exact: true }) });
      await open(failed.last().getByRole("link", { name: stack }));
      // The element is on the first screen.
      expect((await page.getByText(message).first().boundingBox())!.y).toBeLessThan(700);
    }));
});
