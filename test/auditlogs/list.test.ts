import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { settledLog } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { allPages } from "../support/pages.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newTeamToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

interface Event {
  timestamp: number;
  event: string;
  description: string;
  sourceIP: string;
  user: { githubLogin: string };
  tokenID?: string;
  tokenName?: string;
}
const v1 = "/api/orgs/acme/auditlogs";
const v2 = "/api/orgs/acme/auditlogs/v2";
const descriptions = async (path: string) =>
  (await allPages<Event>(path, "auditLogEvents", world.admin)).items.map((event) => event.description);

/** Events at the given seconds, written into the log as if they had happened. */
async function happened(...seconds: number[]): Promise<void> {
  const statement = env.DB.prepare(
    `INSERT INTO audit_events (id, org_id, at, event, description, source_ip, user_login, user_name, token_id, token_name, stack,
       req_org_admin, req_stack_admin, auth_failure)
     SELECT lower(hex(randomblob(8))), id, ?, 'stack-created', ?, '', 'mel', 'mel', 't-1', '', 'web/dev', 0, 0, 0
     FROM organizations WHERE name = 'acme'`,
  );
  await env.DB.batch(seconds.map((second, i) => statement.bind(second * 1000 + 999, `${second}#${i}`)));
}

describe("an event says who did it:", () => {
  it("the person, for a personal token", async () => {
    const before = Math.floor(Date.now() / 1000);
    await newStack(world.member);
    await settledLog();
    const [event] = (await allPages<Event>(v2, "auditLogEvents", world.admin)).items;
    expect(event).toEqual({
      timestamp: expect.any(Number) as number,
      sourceIP: "203.0.113.9",
      event: "stack-created",
      description: 'Created stack "acme/web/dev".',
      user: { githubLogin: "mel", name: "mel", avatarUrl: "" },
      tokenID: expect.any(String) as string,
      id: expect.any(String) as string,
      sequence: expect.any(Number) as number,
      stack: "web/dev",
    });
    expect(event!.timestamp).toBeGreaterThanOrEqual(before);
    expect(event!.timestamp).toBeLessThanOrEqual(Date.now() / 1000);
  });

  it("the organization and the token, for a machine, and never the person who made the token", async () => {
    const ci = await newOrgToken(world, "ci");
    await newStack(ci.tokenValue);
    await newStack(await newTeamToken(), "web", "prod");
    await settledLog();
    const made = (await allPages<Event>(`${v2}?eventFilter=stack-created`, "auditLogEvents", world.admin)).items;
    expect(made.map((event) => [event.user.githubLogin, event.tokenName])).toEqual([
      ["acme", "team-platform"],
      ["acme", "ci"],
    ]);
    expect(made[1]!.tokenID).toBe(ci.id);
  });
});

describe("time", () => {
  it("is from startTime until before endTime in version 2", async () => {
    await happened(100, 101, 102, 103);
    expect(await descriptions(`${v2}?startTime=101&endTime=103`)).toEqual(["102#2", "101#1"]);
    expect(await descriptions(`${v2}?startTime=103`)).toEqual(["103#3"]);
    expect(await descriptions(`${v2}?endTime=101`)).toEqual(["100#0"]);
    expect(await descriptions(`${v2}?startTime=103&endTime=103`)).toEqual([]);
  });

  it("is older than startTime in version 1", async () => {
    await happened(100, 101, 102);
    expect(await descriptions(`${v1}?startTime=102`)).toEqual(["101#1", "100#0"]);
    expect(await descriptions(`${v1}?endTime=101`)).toEqual(["100#0"]);
    expect(await descriptions(v1)).toEqual(["102#2", "101#1", "100#0"]);
  });

  it.each(["startTime=-1", "startTime=x", "startTime=1.5", "endTime=1e99"])("cannot be %s", async (query) => {
    await refused(400, "GET", `${v2}?${query}`, { token: world.admin });
  });
});

describe("a filter", () => {
  it.each(["eventFilter", "eventType"])("by event is %s", async (name) => {
    await newStack(world.member);
    await newOrgToken(world, "ci");
    await settledLog();
    expect(await descriptions(`${v2}?${name}=stack-created`)).toEqual(['Created stack "acme/web/dev".']);
    expect(await descriptions(`${v2}?${name}=no-such-event`)).toEqual([]);
  });

  it.each(["userFilter", "user"])("by user is %s", async (name) => {
    await newStack(world.member);
    await newStack((await newOrgToken(world, "ci")).tokenValue, "web", "prod");
    await settledLog();
    expect(await descriptions(`${v2}?${name}=mel`)).toEqual(['Created stack "acme/web/dev".']);
    expect(await descriptions(`${v2}?${name}=acme`)).toEqual(['Created stack "acme/web/prod".']);
    expect(await descriptions(`${v2}?${name}=bill`)).toEqual([]);
    expect(await refused(404, "GET", `${v2}?${name}=gus`, { token: world.admin })).toBe("Not Found: User 'gus' not found");
    expect(await refused(404, "GET", `${v1}?${name}=nobody`, { token: world.admin })).toBe("Not Found: User 'nobody' not found");
  });

  it("still finds someone who left", async () => {
    await newStack(world.member);
    await ok("DELETE", "/api/orgs/acme/members/mel", { token: world.admin });
    await settledLog();
    expect(await descriptions(`${v2}?userFilter=mel`)).toEqual(['Created stack "acme/web/dev".']);
  });

  it("by token takes its id or its name", async () => {
    const ci = await newOrgToken(world, "ci");
    await newStack(ci.tokenValue);
    await newStack((await newOrgToken(world, "other")).tokenValue, "web", "prod");
    await settledLog();
    for (const token of [ci.id, "ci"]) expect(await descriptions(`${v2}?tokenFilter=${token}`)).toEqual(['Created stack "acme/web/dev".']);
  });
});

describe("pages", () => {
  it.each([1, 2, 3, 10])("of %i make the whole log, newest first, though many events share a moment", async (size) => {
    await happened(...Array.from({ length: 20 }, (_, i) => 100 + Math.floor(i / 7)));
    const whole = await allPages<Event>(v2, "auditLogEvents", world.admin);
    const parts = await allPages<Event>(`${v2}?maxResults=${size}`, "auditLogEvents", world.admin);
    expect(parts.items).toEqual(whole.items);
    expect(parts.items.map((event) => event.timestamp)).toEqual(whole.items.map((event) => event.timestamp).sort((a, b) => b - a));
    expect(parts.items).toHaveLength(20);
    expect(parts.pages).toBe(Math.ceil(20 / size));
  });

  it("stay the same while events arrive, and contain what matches the filter", async () => {
    await happened(...Array.from({ length: 10 }, (_, i) => 100 + i));
    const first = await ok<{ auditLogEvents: Event[]; continuationToken: string }>("GET", `${v2}?maxResults=5`, { token: world.admin });
    await happened(200, 201);
    const rest = await ok<{ auditLogEvents: Event[] }>("GET", `${v2}?continuationToken=${first.continuationToken}`, { token: world.admin });
    expect([...first.auditLogEvents, ...rest.auditLogEvents].map((event) => event.timestamp)).toEqual([
      109, 108, 107, 106, 105, 104, 103, 102, 101, 100,
    ]);
    const filtered = await allPages<Event>(
      `${v2}?maxResults=1&eventFilter=stack-created&startTime=108&endTime=110`,
      "auditLogEvents",
      world.admin,
    );
    expect(filtered.items.map((event) => event.timestamp)).toEqual([109, 108]);
  });
});

it("is read by administrators only, machines with the right included, and reading leaves no trace", async () => {
  const root = await newOrgToken(world, "root", { admin: true });
  await settledLog();
  await changesNothing(async () => {
    for (const path of [v1, v2]) {
      await ok("GET", path, { token: root.tokenValue });
      await ok("GET", `${path}?orgName=acme&unknown=1`, { token: world.admin, headers: { Accept: "application/json" } });
    }
  });
  expect((await settledLog()).map((event) => event.event)).toEqual(["organization-token-created"]);
});

it("shows nothing of another organization", async () => {
  await newStack(world.member);
  await ok("POST", "/api/stacks/globex/their", { token: world.stranger, json: { stackName: "dev" } });
  await settledLog();
  expect(await descriptions(v2)).toEqual(['Created stack "acme/web/dev".']);
});
