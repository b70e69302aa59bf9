import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { ask } from "../../cli/support/api.ts";
import { newContext, violations } from "./support/browser.ts";
import { type PeopleProvider, startProvider } from "./support/peopleProvider.ts";

const DOMAIN = "acme.example";
const SSO = "/api/orgs/acme/sso";
const claims = (login: string) => ({
  email: `${login}@${DOMAIN}`,
  email_verified: true,
  preferred_username: `${login}@${DOMAIN}`,
  groups: ["people", "operators"],
});

let provider: PeopleProvider;
const admin = { token: inject("people")["acme"]!["admin"]! };
beforeAll(async () => {
  const redirectUri = `${inject("url")}/login/acme/sso/callback`;
  provider = await startProvider({ redirectUris: () => [redirectUri], people: { frida: claims("frida"), "mel-there": claims("mel") } });
  await ask("POST", "/api/orgs/acme/teams/pulumi", { ...admin, json: { name: "sso-ops", displayName: "Ops", description: "" } });
  const { record } = await ask<{ record: { value: string } }>("POST", `${SSO}/domains`, { ...admin, json: { domain: DOMAIN } });
  const body = JSON.stringify({ Status: 0, Answer: [{ type: 16, data: `"${record.value}"` }] });
  await fetch(inject("resolver"), { method: "PUT", body: JSON.stringify({ body }) });
  await ask("POST", `${SSO}/domains/${DOMAIN}/verify`, admin);
  const json = {
    name: "Test provider",
    issuer: provider.url,
    clientId: provider.clientId,
    clientSecret: provider.clientSecret,
    allowedDomains: [DOMAIN],
    groupClaim: "groups",
    groupScope: "groups",
    groupMappings: [{ group: "operators", team: "sso-ops" }],
  };
  const made = await ask<{ redirectUri: string }>("POST", `${SSO}/connections`, { ...admin, json });
  expect(made.redirectUri).toBe(redirectUri);
});
afterAll(() => provider?.stop());

/** Goes from the sign-in page to the provider, and through its pages. */
async function signInAs(page: Page, login: string, path = "/signin"): Promise<void> {
  await page.goto(path);
  await page.fill("#organization", "acme");
  await page.getByRole("button", { name: "Continue with single sign-on" }).click();
  await page.waitForURL(`${provider.url}/interaction/**`);
  await page.fill("input[name=login]", login);
  await page.fill("input[name=password]", "any");
  await page.click("button[type=submit]");
  await page.getByRole("button", { name: "Continue" }).click();
}

it("signs up and in through a provider, gives the team of a group, logs in the CLI, and signs out", async () => {
  const context = await newContext();
  const page = await context.newPage();
  await signInAs(page, "frida");
  await page.waitForURL(/\/login\/first$/);
  expect(await violations(page)).toEqual([]);
  await page.getByRole("button", { name: "Create my account" }).click();
  await page.waitForURL(/\/acme$/);
  expect(await page.textContent("header")).toContain("frida");
  const team = await ask<{ members: { githubLogin: string }[] }>("GET", "/api/orgs/acme/teams/sso-ops", admin);
  expect(team.members.map(({ githubLogin }) => githubLogin)).toContain("frida");
  await page.goto("/signin/sso/acme/reauth");
  await page.getByRole("heading", { name: "Your access tokens in acme" }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/signin$/);

  // The browser is still signed in at the provider, so nothing is asked on the way to the page of `pulumi login`.
  const { promise: arrived, resolve: answered } = Promise.withResolvers<URL>();
  const listener = createServer((request, response) => {
    const url = new URL(request.url!, "http://localhost");
    if (url.pathname === "/") answered(url);
    response.writeHead(302, { Location: `${inject("url")}/welcome/cli` }).end();
  });
  await new Promise<void>((listening) => listener.listen(0, "localhost", listening));
  const { port } = listener.address() as AddressInfo;
  const query = new URLSearchParams({ cliSessionPort: String(port), cliSessionNonce: "n0nce", cliSessionDescription: "By a test" });
  await page.goto(`/cli-login?${String(query)}`);
  await page.waitForURL(/\/signin\?/);
  await page.fill("#organization", `anybody@${DOMAIN}`);
  await page.getByRole("button", { name: "Continue with single sign-on" }).click();
  await page.waitForURL(/\/cli-login\?/);
  expect(await page.textContent("main")).toContain("frida in acme only");
  await page.getByRole("button", { name: "Create the token and log in" }).click();
  const { searchParams } = await arrived;
  expect(searchParams.get("nonce")).toBe("n0nce");
  const me = { token: searchParams.get("accessToken")! };
  expect(await ask("GET", "/api/user", me)).toMatchObject({ githubLogin: "frida", organizations: [{ name: "acme" }] });
  await page.waitForURL(/\/welcome\/cli$/);
  await context.close();
  await new Promise((closed) => listener.close(closed));
});

it("links an account whose holder proves that it is theirs", async () => {
  const context = await newContext();
  const page = await context.newPage();
  await signInAs(page, "mel-there");
  await page.waitForURL(/\/login\/first$/);
  await page.fill("#token", inject("people")["acme"]!["member"]!);
  await page.getByRole("button", { name: "Link my account" }).click();
  await page.waitForURL(/\/acme$/);
  expect(await page.textContent("header")).toContain("mel");
  await context.close();
});

it("has a page for administrators that is accessible", async () => {
  const context = await newContext();
  const page = await context.newPage();
  await page.goto("/signin?next=%2Facme%2F~%2Fsso");
  await page.fill("#token", admin.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(/\/acme\/~\/sso$/);
  expect(await page.textContent("main")).toContain("Test provider");
  expect(await violations(page)).toEqual([]);
  await context.close();
});
