import { beforeEach, expect, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

interface Impact {
  stacks: { orgName: string; stackName: string }[];
  runningUpdates: { orgName: string; stackName: string }[];
  successors: { id: string; name: string }[];
  created: { total: number; items: { depth: number; kind: string; name?: string; organization?: string; ends: boolean }[] };
}
const impactOf = (id: string) => ok<Impact>("GET", `/api/orgs/acme/tokens/${id}/impact`, { token: world.admin });
const rotateItself = (token: string) => ok<NewToken & { name: string }>("POST", "/api/user/token/rotate", { token, json: {} });

it("names the successor that is still valid, however many rotations later, and says what ends with the token", async () => {
  const ci = await newOrgToken(world, "ci", { mayRotateItself: true });
  expect((await impactOf(ci.id)).successors).toEqual([]);
  const second = await rotateItself(ci.tokenValue);
  const third = await rotateItself(second.tokenValue);
  expect(await impactOf(ci.id)).toMatchObject({
    successors: [{ id: third.id, name: "ci-3" }],
    created: {
      total: 1,
      items: [
        { depth: 1, kind: "organization", name: "ci-2", ends: false },
        { depth: 2, kind: "organization", name: "ci-3", ends: true },
      ],
    },
  });
  await ok("DELETE", `/api/orgs/acme/tokens/${third.id}`, { token: world.admin });
  expect(await impactOf(ci.id)).toMatchObject({ successors: [], created: { total: 0, items: [] } });
});

it("names a successor that an administrator made, which does not end with the token", async () => {
  const ci = await newOrgToken(world, "ci");
  const next = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${ci.id}/rotate`, { token: world.admin, json: { overlap: 60 } });
  expect(await impactOf(ci.id)).toMatchObject({ successors: [{ id: next.id, name: "ci-2" }], created: { total: 0, items: [] } });
});

it("of a personal token is a tree over all organizations of its person, and is nobody else's to see", async () => {
  const first = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
  const second = await ok<NewToken>("POST", "/api/user/tokens", { token: first.tokenValue, json: { description: "second" } });
  await ok("POST", "/api/orgs/acme/tokens", { token: second.tokenValue, json: { name: "ci" } });
  const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: first.tokenValue, json: { role: "admin" } });
  await ok("PATCH", `/api/orgs/acme/invites/${id}`, { token: world.stranger });
  await ok("POST", "/api/orgs/acme/tokens", { token: world.stranger, json: { name: "by-gus" } });
  await ok("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "not-below" } });
  await newStack(first.tokenValue);
  await startUpdate(first.tokenValue);

  const path = `/api/user/tokens/${first.id}/impact`;
  const impact = await ok<Impact>("GET", path, { token: world.admin });
  expect(impact).toMatchObject({ runningUpdates: [{ orgName: "acme", stackName: "dev" }], successors: [] });
  expect(impact.created.total).toBe(4);
  expect(impact.created.items.map(({ depth, kind, name }) => `${depth} ${kind} ${name ?? ""}`.trim())).toEqual([
    "1 personal",
    "2 organization ci",
    "1 member gus",
    "2 organization by-gus",
  ]);
  await refused(404, "GET", path, { token: world.member });
  await refused(404, "GET", "/api/user/tokens/nothing/impact", { token: world.admin });
});
