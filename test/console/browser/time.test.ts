import { expect, it } from "vitest";
import { createToken, newContext, signedIn, submit } from "./support/browser.ts";

it("the zone of the browser is taken at the sign-in, for the times and the filters of the audit log; the footer changes it", async () => {
  const context = await newContext({ timezoneId: "Asia/Kolkata", locale: "en-GB" });
  const page = await signedIn(context);
  await createToken(page, "from-kolkata");
  const times = page.locator(".event time");
  await page.goto("/acme/~/audit");
  for (let i = 0; i < 100 && (await times.count()) === 0; i++) {
    await page.waitForTimeout(100);
    await page.reload();
  }
  const at = new Date((await times.first().getAttribute("datetime"))!);
  const inIndia = (seconds: number) => new Date(at.getTime() + 19_800_000 + seconds * 1000).toISOString().slice(0, 19);
  expect(await times.first().textContent()).toBe(`${inIndia(0).replace("T", " ")} GMT+5:30`);

  // A time that a page shows can be typed into the filter.
  await page.fill("#from", inIndia(0));
  await page.fill("#until", inIndia(1));
  await submit(page, "Filter");
  expect(await times.first().textContent()).toContain(inIndia(0).replace("T", " "));

  await page.getByRole("contentinfo").getByRole("link", { name: "Change" }).click();
  await page.selectOption("#zone", "UTC");
  await submit(page, "Save");
  expect(await times.first().textContent()).toBe(`${at.toISOString().slice(0, 19).replace("T", " ")} UTC`);
  expect(await page.inputValue("#from")).toBe(at.toISOString().slice(0, 19));

  await page.goto("/acme/~/tokens");
  expect(await page.locator("td time").first().textContent()).toMatch(/now|ago/);
  expect(await page.locator("td time").first().getAttribute("title")).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  await context.close();
});

it("colors are chosen in the footer, without scripts too, and stay", async () => {
  const context = await newContext({ javaScriptEnabled: false, colorScheme: "light" });
  const page = await context.newPage();
  await page.goto("/signin");
  const paper = () => page.locator("html").evaluate((html) => getComputedStyle(html).backgroundColor);
  const light = await paper();
  await submit(page, "dark");
  const dark = await paper();
  expect(dark).not.toBe(light);
  await page.goto("/setup");
  expect(await paper()).toBe(dark);
  await page.goto("/signin");
  await submit(page, "system");
  expect(await paper()).toBe(light);
  await context.close();
});

it("going back to a form that was refused asks nothing, and filters of the log fold on a phone only", async () => {
  const context = await newContext();
  const page = await signedIn(context);
  await page.goto("/acme/~/tokens/new");
  await page.evaluate(() => document.querySelector("main form")!.setAttribute("novalidate", ""));
  await page.fill("#description", "kept");
  await submit(page, "Create token");
  await page.locator(".notice.error").waitFor();
  expect(new URL(page.url()).pathname).toBe("/acme/~/tokens/new");
  expect(await page.inputValue("#description")).toBe("kept");
  await page.goto("/acme/~/audit");
  expect(await page.locator("#tokenFilter").isVisible()).toBe(true);
  await page.goBack();
  expect(await page.locator("h1").textContent()).toBe("Create an access token");

  await page.setViewportSize({ width: 390, height: 780 });
  await page.goto("/acme/~/audit");
  expect(await page.locator("#tokenFilter").isVisible()).toBe(false);
  await page.getByText("Filters", { exact: true }).click();
  expect(await page.locator("#tokenFilter").isVisible()).toBe(true);
  await context.close();
});
