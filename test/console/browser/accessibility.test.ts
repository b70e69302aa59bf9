import type { Page } from "playwright-core";
import { beforeAll, expect, it } from "vitest";
import { cast, createToken, newContext, signedIn, tokens, violations } from "./support/browser.ts";
import { type Story, pagesOf, tell } from "./support/story.ts";

let story: Story;
beforeAll(async () => {
  story = await tell(cast(), "looked-at", (plain) => plain);
});

/** Opens pages and checks them. @returns the findings of axe-core, by address */
function looker() {
  const found: Record<string, string[]> = {};
  const look = async (page: Page, path?: string, status = 200) => {
    if (path) expect((await page.goto(path))!.status(), path).toBe(status);
    const wrong = await violations(page);
    if (wrong.length > 0) found[page.url()] = wrong;
  };
  return { found, look };
}

it("axe-core finds nothing on any page, in light and in dark", { timeout: 400_000 }, async () => {
  const context = await newContext({ colorScheme: "light", bypassCSP: true });
  const page = await signedIn(context);
  const { found, look } = looker();
  for (const path of pagesOf(story)) await look(page, path);
  expect(JSON.stringify(found, null, 1)).toBe("{}");
  await context.close();
});

it("axe-core finds nothing on the answers of forms, and on pages that are missing or not allowed", { timeout: 400_000 }, async () => {
  const context = await newContext({ colorScheme: "light", bypassCSP: true });
  const page = await context.newPage();
  const { found, look } = looker();
  await look(page, "/signin");
  await page.fill("#token", "pul-wrong");
  await page.click("main form button");
  await page.locator(".notice.error").waitFor();
  await look(page);
  await page.close();

  const admin = await signedIn(context);
  await createToken(admin, "looked-at", "its value is shown");
  await look(admin);
  await admin.goto(`${tokens}/new`);
  await admin.evaluate(() => document.querySelector("main form")!.setAttribute("novalidate", ""));
  await admin.click("main form button");
  await admin.locator(".wrong").first().waitFor();
  await look(admin);
  await admin.goto(`${tokens}/${story.tokenId}/delete`);
  await admin.fill("#confirmation", "another");
  await admin.click("main form button");
  await admin.locator(".wrong").waitFor();
  await look(admin);
  await admin.goto(`/acme/${story.project}/dev/outputs`);
  await admin.getByRole("button", { name: "Reveal password" }).click();
  await admin.waitForURL(/reveal$/);
  await look(admin);
  await admin.goto("/user/settings/sessions");
  await admin
    .getByRole("link", { name: /^End the session/ })
    .first()
    .click();
  await admin.waitForURL(/\/end$/);
  await look(admin);
  await admin.goto("/acme/~/settings");
  await admin.fill("#setMaxAccessTokenExpiryDays", "5");
  await admin.getByRole("button", { name: "Save Tokens" }).click();
  await admin.getByText("Refuse these tokens").waitFor();
  await look(admin);
  for (const [path, fields] of [
    ["/acme/~/roles/new", { "#name": "Faulty", "[id='part0.key']": "", "[id='part0.set']": "select" }],
    ["/acme/~/roles/new?as=json", { "#name": "Faulty", "#details": "{" }],
    ["/acme/~/new-team", { "#name": story.team }],
  ] as const) {
    await admin.goto(path);
    for (const [field, value] of Object.entries(fields))
      if (value === "select") await admin.selectOption(field, { index: 1 });
      else await admin.fill(field, value);
    if ("[id='part0.key']" in fields) await admin.getByLabel("Stacks with a tag").check();
    await admin.click("main form button");
    await admin.locator(".notice.error").waitFor();
    await look(admin);
  }
  await look(admin, "/acme/~/audit?startTime=x", 400);
  await look(admin, "/acme/~/audit?textFilter=nothing-is-called-so");
  await look(admin, "/acme/~/stacks?search=nothing-is-called-so");
  await look(admin, "/nowhere/at/all/x", 404);
  await look(admin, "/acme/no-such-project", 404);
  await look(admin, "/cli-login?cliSessionPort=x", 400);
  await admin.close();
  await context.clearCookies();
  const member = await signedIn(context, cast().member);
  await look(member, "/acme/~/audit", 403);
  await look(member, "/acme/~/settings");
  await look(member, `/acme/~/teams/${story.team}`);
  await look(member, "/acme/~/roles", 403);
  expect(JSON.stringify(found, null, 1)).toBe("{}");
  await context.close();
});

it.each([390, 360])("fits a phone of %d pixels: no page scrolls sideways, and no label is smaller than a footnote", async (width) => {
  const context = await newContext({ viewport: { width, height: 740 } });
  const page = await signedIn(context);
  for (const path of pagesOf(story)) {
    await page.goto(path);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(width);
    // Graphics are scaled: the size on the screen counts.
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("main svg text, main td, main dd, main figcaption, main .hint")]
        .filter((one) => one.textContent && one.getClientRects().length > 0)
        .map((one) => {
          const scale = one instanceof SVGTextElement ? (one.getScreenCTM()?.a ?? 1) : 1;
          return { text: one.textContent!.slice(0, 40), size: parseFloat(getComputedStyle(one).fontSize) * scale };
        })
        .filter(({ size }) => size < 12),
    );
    expect(small, path).toEqual([]);
  }
  await context.close();
});
