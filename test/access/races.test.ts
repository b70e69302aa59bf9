import { beforeEach, describe, expect, inject, it } from "vitest";
import { commitOrder, rememberCommitOrder } from "../support/commitOrder.ts";
import { call, ok } from "../support/client.ts";
import { race } from "../support/race.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setDefaultStackPermission: 0 } });
});

const admin = <T = Record<string, unknown>>(method: string, path: string, json?: unknown) =>
  ok<T>(method, `/api${path}`, { token: world.admin, ...(json !== undefined && { json }) });

const node = (__type: string, members: object) => ({ __type, ...members });
const allow = (...permissions: string[]) => node("PermissionDescriptorAllow", { permissions });
const importing = allow("stack:read", "stack:import");
const isTagged = node("PermissionExpressionHasTag", { context: node("PermissionExpressionStack", {}), key: "open" });

const newRole = async (name: string, details: object) =>
  (await admin<{ id: string }>("POST", "/orgs/acme/roles", { name, description: "", uxPurpose: "role", details })).id;

interface Racer {
  /** The value of the token that uses the right. */
  value: string;
  takeAway: () => Promise<Response>;
  /** Finds the event of the change among those that were committed. */
  event: string;
  named: string;
}

/** Each entry makes a token that may import a state into `web/s<n>`, and takes that right away. */
const rights: Record<string, (n: number) => Promise<Racer>> = {
  "a grant of a team": async (n) => {
    const value = await teamWithToken(n);
    await admin("PATCH", `/orgs/acme/teams/t${n}`, { addStackPermission: { ...stackOf(n), permission: 102 } });
    const takeAway = () => change("PATCH", `/orgs/acme/teams/t${n}`, { removeStack: stackOf(n) });
    return { value, takeAway, event: "team-updated", named: `t${n}` };
  },
  "a role of a team": async (n) => {
    const value = await teamWithToken(n);
    const id = await newRole(`r${n}`, importing);
    await admin("POST", `/orgs/acme/teams/t${n}/roles/${id}`);
    const takeAway = () => change("DELETE", `/orgs/acme/teams/t${n}/roles/${id}`);
    return { value, takeAway, event: "team-updated", named: `t${n}` };
  },
  "a scope of a custom role": async (n) => {
    const id = await newRole(`r${n}`, importing);
    const { tokenValue: value } = await newOrgToken(world, `ci-${n}`, { roleID: id });
    const takeAway = () => change("PATCH", `/orgs/acme/roles/${id}`, { details: allow("stack:read") });
    return { value, takeAway, event: "custom-role-updated", named: `r${n}` };
  },
  "a tag that a role asks for": async (n) => {
    const id = await newRole(`r${n}`, node("PermissionDescriptorCondition", { condition: isTagged, subNode: importing }));
    const { tokenValue: value } = await newOrgToken(world, `ci-${n}`, { roleID: id });
    await admin("POST", `/stacks/acme/web/s${n}/tags`, { name: "open", value: "" });
    const takeAway = () => change("DELETE", `/stacks/acme/web/s${n}/tags/open`);
    return { value, takeAway, event: "stack-tags-updated", named: `web/s${n}` };
  },
};

const stackOf = (n: number) => ({ projectName: "web", stackName: `s${n}` });

async function teamWithToken(n: number): Promise<string> {
  await admin("POST", "/orgs/acme/teams/pulumi", { name: `t${n}`, displayName: `t${n}`, description: "" });
  return (await admin<NewToken>("POST", `/orgs/acme/teams/t${n}/tokens`, { name: `team-${n}`, description: "" })).tokenValue;
}

const change = (method: string, path: string, json?: unknown) =>
  call(method, `/api${path}`, { token: world.admin, ...(json !== undefined && { json }) });

const RACES = 32;
const ROUNDS = Array.from({ length: 2 * inject("sizes").deletionRounds }, (_, i) => i + 1);

describe.each(Object.entries(rights))("%s is taken away while it is used", (_, prepare) => {
  it.each(ROUNDS)("and no use is accepted after that was committed: round %i", { timeout: 120_000 }, async (round) => {
    await rememberCommitOrder();
    const racers: Racer[] = [];
    for (let n = 0; n < RACES; n++) {
      await newStack(world.admin, "web", `s${n}`);
      racers.push(await prepare(n));
    }
    const answers = await Promise.all(racers.map((racer, n) => raceFor(n, racer, `2001:db8:${round}:${n}::1`)));
    const committed = await commitOrder();
    for (const { n, racer, status } of answers) {
      // The changes of the other racers do not concern this token, so it is never asked to try again.
      expect([200, 403, 404]).toContain(status);
      const taken = committed.findLastIndex(
        ({ event, description, stack }) => event === racer.event && `${description} ${stack}`.includes(racer.named),
      );
      const accepted = committed.flatMap((row, at) => (row.event === "stack-imported" && row.stack === `web/s${n}` ? [at] : []));
      expect(taken).toBeGreaterThanOrEqual(0);
      expect(accepted).toHaveLength(status === 200 ? 1 : 0);
      for (const at of accepted) expect(at).toBeLessThan(taken);
    }
    // Both outcomes have occurred.
    expect(new Set(answers.map(({ status }) => status === 200))).toEqual(new Set([true, false]));
  });
});

/** Uses the right and takes it away at the same time, and uses it once more after the answer. */
async function raceFor(n: number, racer: Racer, address: string): Promise<{ n: number; status: number; racer: Racer }> {
  const use = () =>
    call("POST", `/api/stacks/acme/web/s${n}/import`, {
      token: racer.value,
      json: { version: 3, deployment: {} },
      headers: { "CF-Connecting-IP": address },
    });
  // Half of the tokens are in the cache when the race begins.
  if (n % 2 === 0) await ok("GET", "/api/user", { token: racer.value });
  const [used, taken] = await race(n, use, racer.takeAway);
  expect(taken.ok).toBe(true);
  expect([403, 404], "sent after the answer was received").toContain((await use()).status);
  return { n, status: used.status, racer };
}
