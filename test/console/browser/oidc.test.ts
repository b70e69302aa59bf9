import type { Page } from "playwright-core";
import { expect, inject, it } from "vitest";
import { newContext, signedIn } from "./support/browser.ts";
import { exchange, newProvider } from "./support/provider.ts";

const submit = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();

it("adds a provider by a preset, heeds a warning, tries claims and a token, and ends the sessions, with JavaScript off", async () => {
  const issuer = "https://github.plain.example";
  const { jwks, sign } = await newProvider(issuer);
  const context = await newContext({ javaScriptEnabled: false });
  const page = await signedIn(context);
  const policy = (number: number) => page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: `Policy ${number}` }) });
  await page.getByRole("link", { name: "Identity providers" }).click();
  await page.getByRole("link", { name: "Add identity provider" }).click();
  await page.getByRole("link", { name: "GitHub Actions" }).click();
  await page.fill("#owner", "acme");
  await page.fill("#repository", "shop");
  await page.fill("#branch", "main");
  await page.fill("#name", "plain");
  await page.getByText("Your own server", { exact: true }).click();
  await page.fill("#url", issuer);
  await page.fill("#jwks", JSON.stringify(jwks));
  await submit(page, "Add");
  await page.getByRole("heading", { name: "plain is ready" }).waitFor();
  expect(await page.textContent("pre")).toContain(`pulumi login ${inject("url")} --oidc-token`);
  const warning = "When an account is deleted, somebody else can take its name";
  expect(await page.textContent(".notice.warning")).toContain(warning);

  await page.getByRole("link", { name: "See its policies" }).click();
  await page.waitForURL(/\/oidc\/[0-9a-f-]{36}$/);
  const address = new URL(page.url()).pathname;
  expect(await page.textContent("main")).toContain(warning);
  await page.getByRole("link", { name: "Change policy 1" }).click();
  await page.getByLabel("Claim of rule 4").fill("repository_id");
  await page.getByLabel("Pattern of rule 4").fill("2002");
  await page.fill("#stacks", "{repository_name}/*");
  await submit(page, "Save");
  await page.waitForURL((url) => url.pathname === address);
  expect(await page.textContent("main")).not.toContain(warning);
  await page.getByRole("button", { name: "Move policy 1 down" }).click();
  await policy(2).getByText("repository_id is 2002").waitFor();
  await page.getByRole("button", { name: "Move policy 2 up" }).click();
  await policy(1).getByText("repository_id is 2002").waitFor();

  await page.getByRole("link", { name: "Dry run" }).click();
  const claims = { sub: "repo:acme/shop:ref:refs/heads/main", repository: "acme/shop", repository_id: "2002", ref: "refs/heads/main" };
  await page.fill("#pasted", JSON.stringify({ aud: "urn:pulumi:org:acme", ...claims, ref: "refs/heads/mian" }));
  await submit(page, "Try");
  await page.getByText("ref is refs/heads/mian, the rule wants refs/heads/main.").waitFor();
  const token = await sign(claims);
  await page.fill("#pasted", token);
  await submit(page, "Try");
  await page.getByText("It would be allowed.").waitFor();
  expect(await page.textContent("main")).toContain("on the stacks shop/* only");
  expect(await page.inputValue("#pasted")).toBe("");
  expect(await page.content()).not.toContain(token.slice(-40));

  const answer = await exchange(inject("url"), token);
  const { access_token: value } = (await answer.json()) as { access_token: string };
  const whoAmI = async () => (await fetch(`${inject("url")}/api/user`, { headers: { Authorization: `token ${value}` } })).status;
  expect(await whoAmI()).toBe(200);
  await page.getByRole("link", { name: "Sessions" }).click();
  await page.getByRole("row", { name: /^plain:acme\/shop@main/ }).waitFor();
  await page.getByRole("link", { name: "End all…" }).click();
  await page.getByText("1 exchanged token ends at once.").waitFor();
  await submit(page, "End");
  await page.getByText("No exchanged token is valid now.").waitFor();
  expect(await whoAmI()).toBe(401);

  await page.goto(`${address}/delete`);
  await page.fill("#confirmation", "plain");
  await submit(page, "Delete");
  await page.waitForURL(/\/oidc$/);
  expect(await page.textContent("main")).not.toContain("plain");
  await context.close();
});
