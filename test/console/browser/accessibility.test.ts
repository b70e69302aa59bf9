import type { Page } from "playwright-core";
import { expect, inject, it } from "vitest";
import { ask } from "../../cli/support/api.ts";
import { createToken, newContext, signedIn, tokens, violations } from "./support/browser.ts";

it("axe-core finds nothing on any page, in light and in dark", async () => {
  const context = await newContext({ colorScheme: "light", bypassCSP: true });
  const found: Record<string, string[]> = {};
  const page = await context.newPage();
  const look = async (page: Page, path?: string) => {
    if (path) await page.goto(path);
    const wrong = await violations(page);
    if (wrong.length > 0) found[page.url()] = wrong;
  };
  await look(page, "/signin");
  await page.close();

  const admin = inject("people")["acme"]!["admin"]!;
  const mine = await signedIn(context);
  const stackName = "dev";
  await ask("POST", "/api/stacks/acme/looks", { token: admin, json: { stackName } });
  const { id } = await createToken(mine, "look", "Looked at");
  await look(mine);
  await look(mine, `${tokens}/new`);
  await mine.evaluate(() => document.querySelector("main form")!.setAttribute("novalidate", ""));
  await mine.click("main form button");
  await look(mine);
  const paths = ["", "/~/tokens", "/~/audit", "/~/audit?refusalsOnly=true&eventFilter=stack-created", "/~/audit?startTime=x"];
  for (const path of [
    ...paths,
    "/~/audit/1",
    "/~/audit/verify",
    `/~/tokens/${id}`,
    `/~/tokens/${id}/delete`,
    "/looks",
    `/looks/${stackName}`,
  ])
    await look(mine, `/acme${path}`);
  for (const path of ["/user/settings/tokens", "/cli-login?cliSessionPort=1234&cliSessionNonce=abc", "/welcome/cli", "/nowhere/at/all/x"])
    await look(mine, path);
  expect(found).toEqual({});
  await context.close();
});

it("fits a phone: no page scrolls sideways", async () => {
  const context = await newContext({ viewport: { width: 360, height: 740 } });
  const page = await signedIn(context);
  await createToken(page, "on-a-phone", "with a description");
  for (const path of [page.url(), tokens, `${tokens}/new`, "/acme/~/audit", "/acme/~/audit/1", "/user/settings/tokens"]) {
    await page.goto(path);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(360);
  }
  await context.close();
});
