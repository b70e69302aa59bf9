import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newTeamToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/tokens";

it("ends the token at once and for good, and is one event with the reason", async () => {
  const { id, tokenValue } = await newOrgToken(world, "ci");
  const events = await eventsOf(() => ok("DELETE", `${path}/${id}?reason=leaked`, { token: world.admin }));
  expect(events).toMatchObject([
    {
      event: "organization-token-deleted",
      description: `Deleted organization token "ci" (${id}). Reason: leaked`,
      userLogin: "ada",
      reqOrgAdmin: true,
    },
  ]);
  await refused(401, "GET", "/api/user", { token: tokenValue });
  expect((await ok<{ tokens: [] }>("GET", `${path}?filter=all`, { token: world.admin })).tokens).toEqual([]);
});

it("may be repeated: the second time nothing happens", async () => {
  const { id } = await newOrgToken(world, "ci");
  await ok("DELETE", `${path}/${id}`, { token: world.admin });
  const events = await eventsOf(() => changesNothing(() => ok("DELETE", `${path}/${id}`, { token: world.admin })));
  expect(events).toEqual([]);
});

it("touches no other token", async () => {
  const { id } = await newOrgToken(world, "one");
  const other = await newOrgToken(world, "two");
  await ok("DELETE", `${path}/${id}`, { token: world.admin });
  await ok("GET", "/api/user", { token: other.tokenValue });
});

describe("is 404 for a token that is not one of the organization:", () => {
  it.each([
    ["one that never was", async () => crypto.randomUUID()],
    [
      "another organization's",
      async () => (await ok<NewToken>("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "ci" } })).id,
    ],
    ["a person's", async () => (await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin })).id],
    [
      "a team's",
      async () => (await newTeamToken(), (await env.DB.prepare("SELECT id FROM access_tokens WHERE kind = 'team'").first<string>("id"))!),
    ],
    ["a hash", async () => (await env.DB.prepare("SELECT hash FROM access_tokens").first<string>("hash"))!],
  ])("%s", async (_, idOf) => {
    const id = await idOf();
    const events = await eventsOf(() => changesNothing(() => refused(404, "DELETE", `${path}/${id}`, { token: world.admin })));
    expect(events).toEqual([]);
  });
});

it("a token may not delete itself", async () => {
  for (const admin of [false, true]) {
    const { id, tokenValue } = await newOrgToken(world, `ci-${admin}`, { admin });
    await changesNothing(() => refused(403, "DELETE", `${path}/${id}`, { token: tokenValue }));
    await ok("GET", "/api/user", { token: tokenValue });
  }
});

describe("a personal token", () => {
  it("is ended by its person, again and again, also while it is in use", async () => {
    const { id, tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.member });
    await ok("DELETE", `/api/user/tokens/${id}`, { token: tokenValue });
    await refused(401, "GET", "/api/user", { token: tokenValue });
    await changesNothing(() => ok("DELETE", `/api/user/tokens/${id}`, { token: world.member }));
  });

  it("cannot be ended by anybody else, not even by an administrator", async () => {
    const { id, tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.member });
    await changesNothing(() => refused(404, "DELETE", `/api/user/tokens/${id}`, { token: world.admin }));
    await changesNothing(() => refused(404, "DELETE", `${path}/${id}`, { token: world.admin }));
    await ok("GET", "/api/user", { token: tokenValue });
  });
});
