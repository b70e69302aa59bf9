import { expect, inject, it } from "vitest";
import { cast, newContext, signedIn, submit } from "./support/browser.ts";
import { send, tell } from "./support/story.ts";

it("compares two versions, restores the first, and downloads what is there now", { timeout: 120_000 }, async () => {
  const { project } = await tell(cast(), "restored", (plain) => plain);
  const stack = `/acme/${project}/dev`;
  const { url, admin } = cast();
  // The last update of the story still runs.
  const { activeUpdate } = await send<{ activeUpdate: string }>(url, "GET", `/api/stacks${stack}`, { token: admin });
  const context = await newContext({ javaScriptEnabled: false });
  const page = await signedIn(context);
  await page.goto(`${stack}/restore?version=1`);
  await page.getByText("A version can be restored only when no update runs.").waitFor();
  await send(url, "POST", `/api/stacks${stack}/update/${activeUpdate}/cancel`, { token: admin, json: {} });

  await page.goto(`${stack}/updates/2`);
  await page.getByRole("link", { name: "Compare with version 1", exact: true }).click();
  expect(new URL(page.url()).search).toBe("?from=1&to=2");
  const changed = page.getByRole("row", { name: /outputs\.url/ });
  expect(await changed.textContent()).toBe("outputs.urlhttps://shop.examplehttps://www.shop.example");
  await page.getByRole("link", { name: "Update 1", exact: true }).click();
  await page.getByRole("link", { name: "Restore this version", exact: true }).click();
  await page.getByText("Run `pulumi refresh` afterwards").waitFor();
  await submit(page, "Restore version 1");
  expect(new URL(page.url()).pathname).toBe(stack);
  await page.getByText("Version 1 was restored as a new version.").waitFor();

  const exported = (version: number) => send(url, "GET", `/api/stacks${stack}/export/${version}`, { token: admin });
  const { version } = await send<{ version: number }>(url, "GET", `/api/stacks${stack}`, { token: admin });
  expect(await exported(version)).toEqual(await exported(1));
  await page.goto(`${stack}/updates/${version}`);
  expect(await page.getByText("Restored version 1").count()).toBe(1);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download", exact: true }).click()]);
  expect(download.suggestedFilename()).toBe(`${project}-dev-${version}.json`);
  expect(inject("url")).toBe(url);
  await context.close();
});
