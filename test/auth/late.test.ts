import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.member);
});

describe("a token that expires while its request is still arriving does nothing:", () => {
  /** A body whose second half arrives an hour later. */
  const slow = (text: string) =>
    new ReadableStream<Uint8Array>({
      async start(controller) {
        const bytes = new TextEncoder().encode(text);
        controller.enqueue(bytes.subarray(0, 10));
        await scheduler.wait(100);
        laterBy(3_600_000);
        controller.enqueue(bytes.subarray(10));
        controller.close();
      },
    });
  const short = () => newOrgToken(world, "short", { expires: Math.floor(Date.now() / 1000) + 600 });

  it("no stack", async () => {
    const { tokenValue } = await short();
    await changesNothing(() => refused(401, "POST", "/api/stacks/acme/web", { token: tokenValue, body: slow('{"stackName":"late"}') }));
  });

  it("no import", async () => {
    const { tokenValue } = await short();
    const body = slow('{"version":3,"deployment":{"manifest":{"time":"2026-01-01T00:00:00Z","magic":"","version":""},"resources":[]}}');
    await refused(401, "POST", "/api/stacks/acme/web/dev/import", { token: tokenValue, body });
    expect(await env.DB.prepare("SELECT version FROM stacks WHERE name = 'dev'").first("version")).toBe(0);
  });
});

describe("a list over all organizations uses the current rules, not the cached ones:", () => {
  const listed = async (token: string, address: string) =>
    (await ok<{ stacks: unknown[] }>("GET", "/api/user/stacks", { token, headers: { "CF-Connecting-IP": address } })).stacks.length;

  it("an organization that has just shut out the caller's network", async () => {
    expect(await listed(world.member, "198.51.100.7")).toBe(1);
    const cached = await Promise.all(
      (await env.TOKEN_CACHE.list()).keys.map(async ({ name }) => [name, (await env.TOKEN_CACHE.get(name))!] as const),
    );
    expect(cached.length).toBeGreaterThan(0);
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setAllowedCidrs: ["203.0.113.9"] } });
    for (const [name, value] of cached) await env.TOKEN_CACHE.put(name, value);
    expect(await listed(world.member, "198.51.100.7")).toBe(0);
    expect(await listed(world.member, "203.0.113.9")).toBe(1);
  });

  it("one that the caller has just joined, and may not enter from here", async () => {
    await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setAllowedCidrs: ["203.0.113.9"] } });
    expect(await listed(world.stranger, "198.51.100.7")).toBe(0);
    await env.DB.prepare(
      "INSERT INTO members (org_id, user_id, role, created_at) SELECT o.id, u.id, 'member', 9 FROM organizations o, users u WHERE o.name = 'acme' AND u.login = 'gus'",
    ).run();
    expect(await listed(world.stranger, "198.51.100.7")).toBe(0);
    expect(await listed(world.stranger, "203.0.113.9")).toBe(1);
  });
});

it("one organization's stacks are in no reference that another's member asks for", async () => {
  await call("GET", "/api/user", { token: world.stranger });
  await refused(404, "GET", "/api/stacks/acme/web/dev/downstreamreferences", { token: world.stranger });
});
