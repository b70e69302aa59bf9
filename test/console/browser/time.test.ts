import { expect, it } from "vitest";
import { createToken, newContext, signedIn } from "./support/browser.ts";

it("the audit log says when in the reader's own zone, with UTC on hover; elsewhere it says how long ago", async () => {
  const timeZone = "Asia/Kolkata";
  const context = await newContext({ timezoneId: timeZone, locale: "en-GB" });
  const page = await signedIn(context);
  await createToken(page, "from-kolkata");
  const times = page.locator("td time");
  await page.goto("/acme/~/audit");
  for (let i = 0; i < 100 && (await times.count()) === 0; i++) {
    await page.waitForTimeout(100);
    await page.reload();
  }
  const at = new Date((await times.first().getAttribute("datetime"))!);
  const year = at.toLocaleDateString("en-GB", { timeZone, year: "numeric" });
  const minute = at.toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
  expect(await times.first().textContent()).toMatch(new RegExp(`${year}.*${minute}`));
  expect(await times.first().getAttribute("title")).toMatch(/\(\d{4}-\d\d-\d\d \d\d:\d\d UTC\)$/);

  await page.goto("/acme/~/tokens");
  expect(await times.first().textContent()).toMatch(/now|ago/);
  await context.close();
});
