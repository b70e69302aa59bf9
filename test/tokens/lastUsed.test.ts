import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { eventually, laterBy } from "../support/clock.ts";
import { type NewToken, type World, newOrgToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const lastUsed = (token: NewToken) =>
  env.DB.prepare("SELECT last_used_at AS at FROM access_tokens WHERE id = ?").bind(token.id).first<number>("at");
const use = (token: NewToken) => ok("GET", "/api/user", { token: token.tokenValue });

it("is noted at the first use, and again when a minute has passed", async () => {
  const token = await newOrgToken(world, "ci");
  laterBy(0);
  const first = Date.now();
  await use(token);
  await eventually(async () => expect(await lastUsed(token)).toBe(first));

  laterBy(59_000);
  await use(token);
  await scheduler.wait(50);
  // The use is written later, unless the counts of all tokens are written at this moment.
  expect([first, first + 59_000]).toContain(await lastUsed(token));

  laterBy(60_000);
  await use(token);
  await eventually(async () => expect(await lastUsed(token)).toBe(first + 119_000));
  const { tokens } = await ok<{ tokens: { lastUsed: number }[] }>("GET", "/api/orgs/acme/tokens", { token: world.admin });
  expect(tokens[0]!.lastUsed).toBe(Math.floor((first + 119_000) / 1000));
});

it("is not noted for what was refused", async () => {
  const token = await newOrgToken(world, "ci");
  const credential = { token: token.tokenValue };
  await refused(403, "GET", "/api/orgs/acme/tokens", credential);
  await refused(404, "GET", "/api/orgs/globex", credential);
  await refused(404, "GET", "/api/stacks/acme/web/dev", credential);
  await refused(400, "POST", "/api/stacks/acme/web", { ...credential, json: { stackName: "a b" } });
  await scheduler.wait(50);
  expect(await lastUsed(token)).toBeNull();
});
