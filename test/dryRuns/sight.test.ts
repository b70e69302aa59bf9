import { beforeEach, expect, it } from "vitest";
import type { DryRun } from "../../src/dryRuns/openapi.ts";
import { allow, give, newRoleId } from "../roles/roles.ts";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { addTo, closeStacks, grant, newPerson } from "../teams/people.ts";
import { allowing, exchanged, newIdp } from "../oidc/support/idp.ts";
import { type World, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";

const ORG = "/api/orgs/acme";
const none = { count: 0, first: [] };

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await closeStacks(world.admin);
  await newStack(world.admin);
  await newStack(world.admin, "web", "prod");
});

const tried = (method: string, path: string, json?: unknown, token = world.member) =>
  ok<DryRun>(method, `${ORG}${path}?dryRun=true`, { token, ...(json !== undefined && { json }) });
/** Gives mel a custom role. */
const melMay = async (name: string, ...scopes: string[]) => give(world.admin, "mel", await newRoleId(world.admin, name, allow(...scopes)));

it("names no holder of a role, and no right that a holder has, to a caller who may not read roles and teams", async () => {
  const held = await newRoleId(world.admin, "held", allow("audit_logs:read"));
  await newPerson("nia");
  await give(world.admin, "nia", held);
  const change = { details: allow("role:update", "stack:read") };
  const scopes = ["audit_logs:read", "stack:read", "role:update", "stack_access:read"];
  for (const [name, more] of [
    ["nothing", []],
    ["roles", ["role:read"]],
    ["teams", ["team:read"]],
  ] as const) {
    await melMay(name, ...scopes, ...more);
    const answer = await tried("PATCH", `/roles/${held}`, change);
    expect(answer).toMatchObject({ gains: none, loses: none });
    expect(answer.missing).toEqual(
      ["role:read", "team:read", "org_token:read", "team:list_tokens", "oidc_issuers:read"].filter(
        (right) => !more.includes(right as never),
      ),
    );
  }
  await melMay("both", ...scopes, "role:read", "team:read");
  const { gains, loses } = await tried("PATCH", `/roles/${held}`, change);
  expect(gains.first).toMatchObject([
    { subject: { name: "nia" }, organization: ["role:update", "stack:list", "stack:read"], stacks: { count: 2 } },
  ]);
  expect(loses.first).toMatchObject([{ subject: { name: "nia" }, organization: ["audit_logs:read"] }]);
});

it("shows no right that a person has already on a stack whose access the caller may not read", async () => {
  await newTeam(world);
  const viewer = await newRoleId(world.admin, "viewer", allow("stack:read"));
  await ok("POST", `${ORG}/teams/platform/roles/${viewer}`, { token: world.admin });
  for (const action of ["add", "promote"]) await addTo(world.admin, "mel", "platform", action);
  await newPerson("nia");
  await newTeam(world, "other");
  await grant(world.admin, 101, "dev", "other");
  await addTo(world.admin, "nia", "other");
  const add = { member: "nia", memberAction: "add" };
  // nia already has a right on web/dev. Only the answer to an administrator shows this, because it names the second stack alone.
  expect((await tried("PATCH", "/teams/platform", add, world.admin)).gains.first).toMatchObject([
    { subject: { name: "nia" }, stacks: { count: 1, first: ["web/prod"] } },
  ]);
  expect(await tried("PATCH", "/teams/platform", add)).toMatchObject({ gains: none, loses: none });
  // A grant lets the team's administrator read who has access to that stack, and to no other one.
  await grant(world.admin, 101, "prod");
  const other = await newPerson("tom");
  for (const action of ["add", "promote"]) await addTo(world.admin, "tom", "platform", action);
  expect((await tried("PATCH", "/teams/platform", add, other)).gains.first).toMatchObject([
    { subject: { name: "nia" }, organization: [], stacks: { count: 1, first: ["web/prod"] } },
  ]);
  // A caller who may change a team but not read it learns nothing about its members.
  await addTo(world.admin, "mel", "platform", "remove");
  await melMay(
    "changer",
    "team:update",
    "stack:read",
    "stack_access:read",
    "stack:export",
    "stack:encrypt",
    "stack:decrypt",
    "stack:preview",
  );
  const granted = { addStackPermission: { projectName: "web", stackName: "dev", permission: 101 } };
  expect(await tried("PATCH", "/teams/platform", granted)).toMatchObject({ gains: none, loses: none });
});

it("names no exchanged token to a caller who may not list those of identity providers", async () => {
  const role = await newRoleId(world.admin, "deployer", allow("stack:read"));
  await newOrgToken(world, "listed", { roleID: role });
  const idp = await newIdp(world, [allowing({ roleID: role })]);
  await exchanged(await idp.token({ repository: "acme/secret", ref: "refs/heads/main" }));
  const scopes = ["role:read", "team:read", "org_token:read", "role:update", "stack:read", "stack_access:read"];
  const named = ({ loses }: DryRun) => [loses.count, loses.first.map(({ subject }) => subject.name).toSorted()];
  const change = { details: allow() };
  await melMay("lists", ...scopes);
  const hidden = await tried("PATCH", `/roles/${role}`, change);
  expect(named(hidden)).toEqual([1, ["listed"]]);
  expect(hidden.missing).toEqual(["team:list_tokens", "oidc_issuers:read"]);
  await melMay("lists-all", ...scopes, "oidc_issuers:read");
  expect(named(await tried("PATCH", `/roles/${role}`, change))).toEqual([2, ["ci:acme/secret@main", "listed"]]);
});

it("leaves a trace of each name and id that is tried: an event of the dry run, or that of the refusal", async () => {
  await newTeam(world);
  for (const action of ["add", "promote"]) await addTo(world.admin, "mel", "platform", action);
  await ok("POST", `${ORG}/teams/platform/tokens`, { token: world.admin, json: { name: "taken" } });
  const tokens = "/teams/platform/tokens";
  const named = (name: string) => ({ token: world.member, json: { name } });
  await grant(world.admin, 103);
  await ok("PATCH", ORG, { token: world.admin, json: { setDefaultStackPermission: 103 } });
  const events = await eventsOf(async () => {
    await tried("POST", tokens, { name: "free" });
    await refused(409, "POST", `${ORG}${tokens}?dryRun=true`, named("taken"));
  });
  expect(events).toMatchObject([
    { event: "dry-run", userLogin: "mel", description: `Tried CreateTeamToken and changed nothing: POST ${ORG}${tokens}` },
  ]);
  expect(await eventsOf(() => refused(409, "POST", `${ORG}${tokens}`, named("taken")))).toEqual([]);

  const strong = await newRoleId(world.admin, "strong", allow("audit_logs:read"));
  await melMay("assigner", "org_member:update");
  const ofMel = (fgaRoleId: string) => ({ token: world.member, json: { fgaRoleId } });
  for (const [status, id] of [
    [403, strong],
    [400, "unknown"],
  ] as const) {
    const traces = [];
    for (const query of ["?dryRun=true", ""])
      traces.push(await eventsOf(() => refused(status, "PATCH", `${ORG}/members/mel${query}`, ofMel(id))));
    expect(traces[0]!.map(({ event }) => event)).toEqual(traces[1]!.map(({ event }) => event));
  }
});
