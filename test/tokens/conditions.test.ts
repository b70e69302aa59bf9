import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/tokens";
const DAY = 86_400;
const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * DAY;
const refusal = "This access token may not be used from your network address.";

/** Sets what the organization's settings would set. */
const setOrg = (columns: string, ...values: unknown[]) =>
  env.DB.prepare(`UPDATE organizations SET ${columns}, settings_version = settings_version + 1 WHERE name = 'acme'`)
    .bind(...values)
    .run();

describe("a token with allowed networks", () => {
  it("works from them and from nowhere else, in v4 and v6", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci", { ipAllowList: ["192.0.2.0/24", "2001:db8::/32"] });
    const from = (address: string, url = "/api/user") => call("GET", url, { token: tokenValue, headers: { "CF-Connecting-IP": address } });
    expect((await from("192.0.2.7")).status).toBe(200);
    expect((await from("2001:db8:1::1")).status).toBe(200);
    for (const url of ["/api/user", "/api/user/stacks", "/api/orgs/acme"]) {
      const events = await eventsOf(async () => {
        const response = await from("198.51.100.1", url);
        expect(response.status).toBe(403);
        expect((await response.json<{ message: string }>()).message).toBe(refusal);
      });
      expect(events).toMatchObject([{ event: "auth-failure-token-condition", tokenId: id, sourceIp: "198.51.100.1", authFailure: true }]);
    }
  });

  it("is read from the header that the platform sets, and from no other", async () => {
    const { tokenValue } = await newOrgToken(world, "ci", { ipAllowList: ["192.0.2.0/24"] });
    const headers = {
      "X-Forwarded-For": "192.0.2.7",
      "X-Real-IP": "192.0.2.7",
      Forwarded: "for=192.0.2.7",
      "True-Client-IP": "192.0.2.7",
      "CF-Connecting-IPv6": "192.0.2.7",
      "CF-Pseudo-IPv4": "192.0.2.7",
    };
    for (const address of ["198.51.100.1", ""])
      await refused(403, "GET", "/api/user", { token: tokenValue, headers: { ...headers, "CF-Connecting-IP": address } });
  });

  it("refuses a caller whose address is missing or cannot be read", async () => {
    const { tokenValue } = await newOrgToken(world, "ci", { ipAllowList: ["0.0.0.0/0", "::/0"] });
    for (const address of ["", "unknown", "192.0.2.7, 192.0.2.8", "192.0.2.7:443"])
      await refused(403, "GET", "/api/user", { token: tokenValue, headers: { "CF-Connecting-IP": address } });
    await ok("GET", "/api/user", { token: tokenValue });
  });

  it("or countries as well", async () => {
    const { tokenValue } = await newOrgToken(world, "ci", { countryAllowList: ["ch", "DE"] });
    await ok("GET", "/api/user", { token: tokenValue, country: "CH" });
    await ok("GET", "/api/user", { token: tokenValue, country: "DE" });
    expect(await refused(403, "GET", "/api/user", { token: tokenValue, country: "FR" })).toBe(refusal);
    await refused(403, "GET", "/api/user", { token: tokenValue });
  });

  it.each([
    { ipAllowList: ["192.0.2.1/24"] },
    { ipAllowList: ["home"] },
    { ipAllowList: "192.0.2.0/24" },
    { ipAllowList: [7] },
    { ipAllowList: Array.from({ length: 101 }, () => "192.0.2.1") },
    { countryAllowList: ["Switzerland"] },
    { countryAllowList: ["1x"] },
  ])("is not made of %j", async (more) => {
    await changesNothing(() => refused(400, "POST", path, { token: world.admin, json: { name: "ci", ...more } }));
  });
});

describe("an organization with allowed networks", () => {
  beforeEach(() => setOrg("allowed_cidrs = ?", JSON.stringify(["192.0.2.0/24"])));
  const inside = { "CF-Connecting-IP": "192.0.2.7" };

  it("refuses its machines and its people elsewhere, and does not affect their other organizations", async () => {
    await ok("GET", "/api/orgs/acme", { token: world.member, headers: inside });
    expect(await refused(403, "GET", "/api/orgs/acme", { token: world.member })).toBe(refusal);
    await refused(403, "POST", path, { token: world.admin, json: { name: "ci" } });
    const { tokenValue } = await ok<{ tokenValue: string }>("POST", path, { token: world.admin, json: { name: "ci" }, headers: inside });
    await ok("GET", "/api/user", { token: tokenValue, headers: inside });
    await refused(403, "GET", "/api/user", { token: tokenValue });
    await ok("GET", "/api/user", { token: world.member });
    await ok("GET", "/api/orgs/globex", { token: world.stranger });
  });

  it("shows no stacks in the list of a caller from another network", async () => {
    await ok("POST", "/api/stacks/acme/web", { token: world.member, json: { stackName: "dev" }, headers: inside });
    const count = async (headers?: Record<string, string>) =>
      (await ok<{ stacks: unknown[] }>("GET", "/api/user/stacks", { token: world.member, ...(headers && { headers }) })).stacks.length;
    expect(await count(inside)).toBe(1);
    expect(await count()).toBe(0);
  });
});

describe("an organization with a policy on expiry", () => {
  const text =
    "The `acme` organization enforces a max access token expiry of `14` days that your current token does not meet. Please generate a new token with a TTL meeting your org's threshold to perform this request.";
  const within = (days: number) => setOrg("max_token_expiry_days = ?", days);

  it("refuses tokens that are valid for longer, in the contract's words, until less time is left", async () => {
    await newStack(world.member);
    const forever = await newOrgToken(world, "forever");
    const long = await newOrgToken(world, "long", { expires: inDays(20) });
    const short = await newOrgToken(world, "short", { expires: inDays(10) });
    await within(14);
    for (const { id, tokenValue } of [forever, long]) {
      const events = await eventsOf(async () =>
        expect(await refused(403, "GET", "/api/stacks/acme/web/dev", { token: tokenValue })).toBe(text),
      );
      expect(events).toMatchObject([{ event: "auth-failure-token-policy", tokenId: id, authFailure: true }]);
    }
    await ok("GET", "/api/stacks/acme/web/dev", { token: short.tokenValue });
    laterBy(7 * DAY * 1000);
    await ok("GET", "/api/stacks/acme/web/dev", { token: long.tokenValue });
    expect(await refused(403, "GET", "/api/stacks/acme/web/dev", { token: forever.tokenValue })).toBe(text);
  });

  it("refuses a person's token in this organization only", async () => {
    await within(14);
    expect(await refused(403, "GET", "/api/orgs/acme", { token: world.member })).toBe(text);
    await ok("GET", "/api/user", { token: world.member });
    const { tokenValue } = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", {
      token: world.member,
      json: { expires: inDays(14) },
    });
    await ok("GET", "/api/orgs/acme", { token: tokenValue });
  });

  it("makes no organization token that would not meet it, and says why", async () => {
    const { tokenValue: admin } = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", {
      token: world.admin,
      json: { expires: inDays(10) },
    });
    await within(14);
    await changesNothing(async () => {
      for (const json of [{}, { expires: 0 }, { expires: inDays(15) }])
        expect(await refused(400, "POST", path, { token: admin, json: { name: "ci", ...json } })).toContain(
          "max access token expiry of `14` days",
        );
    });
    await ok("POST", path, { token: admin, json: { name: "ci", expires: inDays(14) - 5 } });
  });

  it("is checked on what the guard reads, not on what was cached", async () => {
    await newStack(world.member);
    const { tokenValue } = await newOrgToken(world, "ci");
    await ok("GET", "/api/stacks/acme/web/dev", { token: tokenValue });
    await within(14);
    await changesNothing(() => refused(403, "POST", "/api/stacks/acme/web/dev/update", { token: tokenValue, json: {} }));
  });
});

describe("a warning", () => {
  const header = async (token: string, userAgent = "pulumi-cli/1 (v3.259.0; linux; cmd=up)", url = "/api/user/organizations/default") =>
    (await call("GET", url, { token, headers: { "User-Agent": userAgent } })).headers.get("X-Pulumi-Warning");

  it("says that a token expires within 14 days, in the one answer that every command gets once", async () => {
    const soon = await newOrgToken(world, "soon", { expires: inDays(13) });
    const later = await newOrgToken(world, "later", { expires: inDays(15) });
    expect(await header(soon.tokenValue)).toMatch(/^organization token soon of acme expires on \d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
    expect(await header(later.tokenValue)).toBeNull();
    expect(await header(soon.tokenValue, "pulumi-cli/1 (v3.259.0; linux; cmd=up)", "/api/user")).toBeNull();
    expect(await header(soon.tokenValue, "pulumi-cli/1 (v3.259.0; linux; cmd=whoami)", "/api/user")).toContain("expires on");
    expect(await header(soon.tokenValue, undefined, "/api/orgs/acme")).toBeNull();
  });

  it("comes once to a client that asks twice and does not name its command", async () => {
    const { tokenValue } = await newOrgToken(world, "soon", { expires: inDays(1) });
    laterBy(0);
    expect(await header(tokenValue, "pulumi-cli/1 (v3.207.0; linux)")).toContain("expires on");
    expect(await header(tokenValue, "pulumi-cli/1 (v3.207.0; linux)")).toBeNull();
    laterBy(3000);
    expect(await header(tokenValue, "pulumi-cli/1 (v3.207.0; linux)")).toContain("expires on");
  });

  it("says that a person's token is refused in an organization", async () => {
    await setOrg("max_token_expiry_days = 14");
    expect(await header(world.member)).toBe("personal token is valid for longer than the 14 days that acme allows, and is refused there");
  });
});
