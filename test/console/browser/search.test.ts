import { beforeAll, expect, it } from "vitest";
import { cast, newContext, signedIn } from "./support/browser.ts";
import { send } from "./support/story.ts";

beforeAll(async () => {
  const { url, admin: token } = cast();
  await send(url, "POST", "/api/stacks/acme/searched", { token, json: { stackName: "dev" } });
});

it("is reached and used by keyboard alone: / focuses the field, Enter searches, and the first result opens", async () => {
  const context = await newContext();
  const page = await signedIn(context);
  await page.goto("/acme/~/settings");
  await page.keyboard.press("/");
  await page.keyboard.type("searched");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/acme\/~\/search\?q=searched$/);
  await page.getByRole("heading", { name: "Stacks 1" }).waitFor();
  const first = page.getByRole("link", { name: "searched/dev", exact: true });
  await first.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/acme\/searched\/dev$/);
  // In a field, the key only types a character.
  await page.goto("/acme/~/tokens");
  await page.focus("#search");
  await page.keyboard.type("a/b");
  expect(await page.inputValue("#search")).toBe("a/b");
  await context.close();
});

it("works without JavaScript", async () => {
  const context = await newContext({ javaScriptEnabled: false });
  const page = await signedIn(context);
  await page.goto("/acme");
  await page.getByRole("searchbox", { name: "Search acme" }).fill("searched");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=searched/);
  expect(await page.textContent("main")).toContain("searched/dev");
  await context.close();
});
