import { expect, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { newWorld } from "../support/world.ts";

it("takes a built-in role by id, and refuses one that it does not know or that contradicts admin", async () => {
  const world = await newWorld();
  const create = (json: object) => ["POST", "/api/orgs/acme/tokens", { token: world.admin, json }] as const;
  await ok(...create({ name: "a", roleID: "admin" }));
  await ok(...create({ name: "m", roleID: "member" }));
  expect(await refused(400, ...create({ name: "x", roleID: "member", admin: true }))).toBe("Invalid parameter 'roleID'.");
  expect(await refused(400, ...create({ name: "x", roleID: "stack-read" }))).toBe("Invalid parameter 'roleID'.");
  const { tokens } = await ok<{ tokens: { name: string; admin: boolean }[] }>("GET", "/api/orgs/acme/tokens", { token: world.admin });
  expect(tokens.map(({ name, admin }) => ({ name, admin })).sort((p, q) => (p.name < q.name ? -1 : 1))).toEqual([
    { name: "a", admin: true },
    { name: "m", admin: false },
  ]);
});
