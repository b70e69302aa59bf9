import { env, exports } from "cloudflare:workers";
import { expect, it, onTestFinished } from "vitest";
import { Browser, connect, prove } from "../sso/support/idp.ts";
import { newVisitor } from "../support/browser.ts";
import { call, ok } from "../support/client.ts";
import { newWorld } from "../support/world.ts";

const PUBLIC = "https://stackpass.example.com";
const vars = env as unknown as Record<string, unknown>;

function setPublicUrl(value: string): void {
  vars["PUBLIC_URL"] = value;
  onTestFinished(() => void delete vars["PUBLIC_URL"]);
}

it("begins every address that others keep with PUBLIC_URL, whatever host a request names", async () => {
  const world = await newWorld();
  setPublicUrl(`${PUBLIC}/`);
  const { admin: token } = world;
  const { acceptInviteUrl } = await ok<{ acceptInviteUrl: string }>("POST", "/api/orgs/acme/invites/link", {
    token,
    json: { role: "member" },
  });
  const acme = await connect(world);
  await prove();
  const { redirectUri } = await ok<{ redirectUri: string }>("GET", `/api/orgs/acme/sso/connections/${acme.id}`, { token });
  const { url } = await ok<{ url: string }>("GET", "/api/orgs/acme/scim", { token });
  const { tokenValue } = await ok<{ tokenValue: string }>("POST", "/api/orgs/acme/scim/tokens", { token, json: { name: "okta" } });
  const json = { schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName: "zoe" };
  const headers = { Authorization: `Bearer ${tokenValue}`, "Content-Type": "application/scim+json" };
  const made = await exports.default.fetch("https://stackpass.test/scim/v2/acme/Users", {
    method: "POST",
    headers,
    body: JSON.stringify(json),
  });
  const { meta } = await made.json<{ meta: { location: string } }>();
  const { issuer, jwks_uri: jwksUri } = await ok<{ issuer: string; jwks_uri: string }>("GET", "/.well-known/openid-configuration");
  const addresses = [acceptInviteUrl, redirectUri, url, meta.location, made.headers.get("Location")!, issuer, jwksUri];
  expect(addresses.filter((address) => !address.startsWith(`${PUBLIC}/`) && address !== PUBLIC)).toEqual([]);

  // The browser continues at the public address, because the provider sends it there, and the cookie has to be there.
  const browser = new Browser();
  const moved = new URL(await browser.led(browser.get("/login/acme/sso?next=%2Facme")));
  expect([moved.origin, moved.pathname]).toEqual([PUBLIC, "/login/acme/sso"]);
  // A proxy may hide the public host from the Worker. The browser is redirected there once, and not again and again.
  const there = new URL(await browser.led(browser.get(moved.pathname + moved.search)));
  expect(there.searchParams.get("redirect_uri")).toBe(`${PUBLIC}/login/acme/sso/callback`);
});

it("takes forms of its own pages behind a proxy with another host, and of no other site", async () => {
  const { admin } = await newWorld();
  setPublicUrl(PUBLIC);
  const visitor = newVisitor();
  const post = (Origin: string) => visitor.post("/signin", { token: admin, next: "/" }, { Origin });
  expect([(await post(PUBLIC)).status, (await post("https://evil.example")).status]).toEqual([303, 403]);
});

it.each([
  "stackpass.example.com",
  "http://stackpass.example.com",
  "https://stackpass.example.com/app",
  "https://a.example?b",
  "ftp://a.example",
  "https://u:p@a.example",
])("answers 503 and says why while PUBLIC_URL is %s", async (value) => {
  setPublicUrl(value);
  const answer = await call("GET", "/api/user");
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain("PUBLIC_URL must be the https:// address");
});
