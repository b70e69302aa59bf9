import { expect, it } from "vitest";
import { cast, newContext, signedIn, submit } from "./support/browser.ts";
import { type Run, play, send } from "./support/story.ts";

it("compares two versions, restores the first, and downloads what is there now", { timeout: 120_000 }, async () => {
  const { url, admin: token } = cast();
  const stack = "/acme/restored/dev";
  const API = `/api/stacks${stack}`;
  const run: Run = {
    stack: "restored/dev",
    kind: "update",
    resources: [{ type: "aws:s3/bucket:Bucket", name: "assets", id: "assets-1f2e", op: "create" }],
    end: "succeeded",
  };
  await send(url, "POST", "/api/stacks/acme/restored", { token, json: { stackName: "dev" } });
  await play(url, token, { ...run, outputs: { url: "https://shop.example" } });
  await play(url, token, { ...run, outputs: { url: "https://www.shop.example" } });
  const { id } = await play(url, token, { ...run, end: "running" });

  const context = await newContext({ javaScriptEnabled: false });
  const page = await signedIn(context);
  await page.goto(`${stack}/restore?version=1`);
  await page.getByText("A version can be restored only when no update runs.").waitFor();
  await send(url, "POST", `${API}/update/${id}/cancel`, { token, json: {} });

  await page.goto(`${stack}/updates/2`);
  await page.getByRole("link", { name: "Compare with version 1", exact: true }).click();
  expect(new URL(page.url()).search).toBe("?from=1&to=2");
  const changed = page.getByRole("row", { name: /outputs\.url/ });
  expect(await changed.textContent()).toBe("outputs.urlhttps://shop.examplehttps://www.shop.example");
  await page.getByRole("link", { name: "Update 1", exact: true }).click();
  await page.getByRole("link", { name: "Restore this version", exact: true }).click();
  await page.getByText("Run pulumi refresh afterwards").waitFor();
  await submit(page, "Restore version 1");
  expect(new URL(page.url()).pathname).toBe(stack);
  await page.getByText("Version 1 was restored as a new version.").waitFor();

  const exported = (version: number) => send(url, "GET", `${API}/export/${version}`, { token });
  const { version } = await send<{ version: number }>(url, "GET", API, { token });
  expect(await exported(version)).toEqual(await exported(1));
  await page.goto(`${stack}/updates/${version}`);
  expect(await page.getByText("Restored version 1").count()).toBe(1);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download", exact: true }).click()]);
  expect(download.suggestedFilename()).toBe(`restored-dev-${version}.json`);
  await context.close();
});
