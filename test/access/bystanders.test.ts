import { beforeEach, expect, it } from "vitest";
import { allow, newRoleId } from "../roles/roles.ts";
import { call, ok } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";
import { addTo, newPerson, team } from "../teams/people.ts";

/** Changes of other callers' rights, which are made at the same time. */
const CHANGES = 32;

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const STATE = JSON.stringify({ version: 3, deployment: {} });

/**
 * A body whose second half is sent when `until` is over. @returns the body, and a promise that resolves when the server has read its first
 * half
 */
function slowBody(until: Promise<unknown>) {
  const begun = Promise.withResolvers<void>();
  const [first, second] = [STATE.slice(0, 5), STATE.slice(5)].map((part) => new TextEncoder().encode(part));
  let pulls = 0;
  const body = new ReadableStream(
    {
      async pull(controller) {
        if (pulls++ === 0) return controller.enqueue(first);
        begun.resolve();
        await until;
        controller.enqueue(second);
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return { body, begun: begun.promise };
}

/** Callers of every kind, whose rights nobody changes. */
async function newBystanders(): Promise<Record<string, string>> {
  const importing = await newRoleId(world.admin, "importer", allow("stack:read", "stack:import", "stack:encrypt"));
  await newTeam(world, "calm");
  const ofTeam = await newPerson("tia");
  await addTo(world.admin, "tia", "calm");
  await ok("POST", `${team("calm")}/roles/${importing}`, { token: world.admin });
  const teamToken = await ok<NewToken>("POST", `${team("calm")}/tokens`, { token: world.admin, json: { name: "calm", description: "" } });
  return {
    "a member": world.member,
    "a member of a team": ofTeam,
    "an organization token": (await newOrgToken(world, "ci")).tokenValue,
    "an organization token with a custom role": (await newOrgToken(world, "importer", { roleID: importing })).tokenValue,
    "a team token": teamToken.tokenValue,
  };
}

/** Makes the changes of other teams and roles that are made at the same time. */
async function prepareChanges(): Promise<(() => Promise<Response>[])[]> {
  const role = await newRoleId(world.admin, "reader", allow("stack:read"));
  const rounds: (() => Promise<Response>[])[] = [];
  const names = Array.from({ length: CHANGES }, (_, n) => `t${n}`);
  for (const name of names) {
    await newTeam(world, name);
    await newPerson(`of-${name}`);
    await newStack(world.admin, "web", name);
  }
  const own: string[] = [];
  for (const name of names) own.push(await newRoleId(world.admin, `own-${name}`, allow("stack:read")));
  const each = (change: (name: string, n: number) => Promise<Response>) => rounds.push(() => names.map(change));
  const patch = (path: string, json: unknown) => call("PATCH", path, { token: world.admin, json });
  each((name) => patch(team(name), { member: `of-${name}`, memberAction: "add" }));
  each((name) => call("POST", `${team(name)}/roles/${role}`, { token: world.admin }));
  each((name) => patch(team(name), { addStackPermission: { projectName: "web", stackName: name, permission: 102 } }));
  each((_, n) => patch(`/api/orgs/acme/roles/${own[n]}`, { details: allow("stack:read", "stack:write") }));
  each((name, n) => patch(`/api/orgs/acme/members/of-${name}`, { fgaRoleId: own[n] }));
  each((name) => call("DELETE", `${team(name)}/roles/${role}`, { token: world.admin }));
  each((name) => patch(team(name), { member: `of-${name}`, memberAction: "remove" }));
  each((name) => call("DELETE", team(name), { token: world.admin }));
  return rounds;
}

it(
  "changes of other teams, roles and members disturb no caller: not its calls, not its uploads, and not one another",
  { timeout: 300_000 },
  async () => {
    const bystanders = Object.entries(await newBystanders());
    const rounds = await prepareChanges();
    for (const [i] of bystanders.entries()) await newStack(world.admin, "calm", `s${i}`);
    for (const [, token] of bystanders) await ok("GET", "/api/user", { token });
    for (const changes of rounds) {
      const changed = Promise.withResolvers<void>();
      const uploads = bystanders.map(([, token], i) => {
        const { body, begun } = slowBody(changed.promise);
        return { begun, answer: call("POST", `/api/stacks/acme/calm/s${i}/import`, { token, body }) };
      });
      await Promise.all(uploads.map(({ begun }) => begun));
      const calls = bystanders.map(async ([who, token], i) => {
        const { status } = await call("POST", `/api/stacks/acme/calm/s${i}/encrypt`, { token, json: { plaintext: "c2VjcmV0" } });
        return `${who}: ${status}`;
      });
      const statuses = await Promise.all(changes().map(async (change) => (await change).status));
      expect(statuses.filter((status) => status >= 300)).toEqual([]);
      changed.resolve();
      const answers = await Promise.all(uploads.map(async ({ answer }, i) => `${bystanders[i]![0]}: ${(await answer).status}`));
      expect(answers).toEqual(bystanders.map(([who]) => `${who}: 200`));
      expect(await Promise.all(calls)).toEqual(bystanders.map(([who]) => `${who}: 200`));
    }
  },
);
