import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { allPages } from "../support/pages.ts";
import { type NewToken, type World, newOrgToken, newTeamToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/tokens";
interface Listed {
  id: string;
  name: string;
  type: string;
}
const list = async (query = "", headers: Record<string, string> = {}) =>
  (await ok<{ tokens: Listed[] }>("GET", `${path}${query}`, { token: world.admin, headers })).tokens.map((token) => token.name);

/** Many tokens at once, some of them made in the same millisecond. */
const insertTokens = (count: number) =>
  env.DB.prepare(
    `INSERT INTO access_tokens (id, kind, org_id, name, description, hash, created_at, created_by)
     SELECT lower(hex(randomblob(8))), 'organization', organizations.id, 'bulk-' || key, '', 'hash-' || key, ? + key / 3, 'ada'
     FROM json_each(?), organizations WHERE organizations.name = 'acme'`,
  )
    .bind(Date.now(), JSON.stringify(Array.from({ length: count }, (_, i) => i)))
    .run();

describe("the organization's tokens", () => {
  it("come newest first, and are its own only", async () => {
    await newOrgToken(world, "first");
    laterBy(1000);
    await newOrgToken(world, "second");
    await newTeamToken();
    await ok("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "theirs" } });
    expect(await list()).toEqual(["second", "first"]);
  });

  it("are active ones, unless others are asked for", async () => {
    await newOrgToken(world, "forever");
    await newOrgToken(world, "short", { expires: Math.floor(Date.now() / 1000) + 60 });
    laterBy(61_000);
    expect(await list()).toEqual(["forever"]);
    expect(await list("?filter=active")).toEqual(["forever"]);
    expect(await list("?filter=expired")).toEqual(["short"]);
    expect((await list("?filter=all")).sort((a, b) => a.localeCompare(b))).toEqual(["forever", "short"]);
    expect(await list("?show_expired=true")).toHaveLength(2);
    await refused(400, "GET", `${path}?filter=other`, { token: world.admin });
  });

  it("are all on one page when no page is requested, with the expired ones for the provider", async () => {
    await insertTokens(150);
    await newOrgToken(world, "short", { expires: Math.floor(Date.now() / 1000) + 60 });
    laterBy(61_000);
    expect(await list("", { "X-Pulumi-Source": "provider" })).toHaveLength(151);
    expect(await list()).toHaveLength(150);
  });

  it.each([1, 2, 3, 7, 50, 1000])("are the same list in pages of %i", async (size) => {
    await insertTokens(50);
    const whole = await allPages<Listed>(`${path}?maxResults=1000`, "tokens", world.admin);
    const parts = await allPages<Listed>(`${path}?maxResults=${size}`, "tokens", world.admin);
    expect(parts.items).toEqual(whole.items);
    expect(parts.items).toHaveLength(50);
    expect(parts.pages).toBe(Math.ceil(50 / size));
  });

  it("are paged without a gap while others are made and deleted", async () => {
    await insertTokens(20);
    const before = (await allPages<Listed>(path, "tokens", world.admin)).items;
    const first = await ok<{ tokens: Listed[]; continuationToken: string }>("GET", `${path}?maxResults=10`, { token: world.admin });
    await ok("DELETE", `${path}/${before[9]!.id}`, { token: world.admin });
    laterBy(60_000);
    await newOrgToken(world, "later");
    const rest = await ok<{ tokens: Listed[] }>("GET", `${path}?continuationToken=${first.continuationToken}`, { token: world.admin });
    expect([...first.tokens, ...rest.tokens]).toEqual(before);
  });

  it.each([
    "maxResults=0",
    "maxResults=1001",
    "maxResults=-1",
    "maxResults=x",
    "maxResults=",
    "continuationToken=x",
    "continuationToken=W10",
    "continuationToken=%00",
  ])("refuse ?%s", async (query) => {
    await refused(400, "GET", `${path}?${query}`, { token: world.admin });
  });

  it("are not for members", async () => {
    await refused(403, "GET", path, { token: world.member });
  });
});

describe("a person's tokens", () => {
  it("are that person's only", async () => {
    const { id } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.member });
    const mine = await allPages<Listed>("/api/user/tokens", "tokens", world.member);
    expect(mine.items.map((token) => token.type)).toEqual(["personal", "personal"]);
    expect(mine.items.map((token) => token.id)).toContain(id);
    expect((await allPages<Listed>("/api/user/tokens", "tokens", world.admin)).items).toHaveLength(1);
  });

  it("come in pages that together are the whole list", async () => {
    for (let i = 0; i < 5; i++) await ok("POST", "/api/user/tokens", { token: world.member });
    const whole = await allPages<Listed>("/api/user/tokens", "tokens", world.member);
    const parts = await allPages<Listed>("/api/user/tokens?maxResults=2", "tokens", world.member);
    expect(parts).toEqual({ items: whole.items, pages: 3 });
  });
});
