import { beforeEach, expect, it } from "vitest";
import { ok } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";
import { ROLES, allow, newRole } from "./roles.ts";

type Scopes = Record<string, { name: string; scopes: { name: string; metadata: { description: string } }[] }[]>;

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

it("is an operation of its own, and no role with the id `scopes`", async () => {
  const scopes = await ok<Scopes>("GET", `${ROLES}/scopes`, { token: world.admin });
  expect(Object.keys(scopes)).toEqual(["organization", "stack"]);
});

it("lists scopes that each have an effect in a role", async () => {
  const scopes = await ok<Scopes>("GET", `${ROLES}/scopes`, { token: world.admin });
  const all = Object.values(scopes).flatMap((groups) => groups.flatMap((group) => group.scopes));
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  for (const { metadata } of all) expect(metadata.description).toMatch(/^[A-Z].*\.$/);
  const role = await newRole(world.admin, "everything", allow(...all.map(({ name }) => name)));
  expect(role.scopesWithoutEffect ?? []).toEqual([]);
});
