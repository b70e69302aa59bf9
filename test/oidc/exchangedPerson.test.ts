import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newStack, newTeam, newWorld } from "../support/world.ts";
import { allow, newRoleId } from "../roles/roles.ts";
import { allowing, exchanged, newIdp, ofPerson } from "./support/idp.ts";

/** A pipeline holds a personal token from an exchange for one run. Nothing that it makes with the token gives rights after that run. */
let world: World;
let admin: { token: string };
beforeEach(async () => {
  world = await newWorld();
  admin = { token: world.admin };
  await newTeam(world, "ops");
});

const TEAM = "/api/orgs/acme/teams/ops";
const LINK = "/api/orgs/acme/invites/link";

async function exchangedFor(login: string, more: object = {}) {
  const idp = await newIdp(world, [{ ...allowing({ tokenType: "personal" }), userLogin: login, ...more }]);
  const { access_token: token } = await exchanged(await idp.token(), ofPerson(login));
  const sessions = `/api/orgs/acme/oidc/issuers/${idp.id}/sessions`;
  const end = async () => {
    const { sessions: known } = await ok<{ sessions: { id: string }[] }>("GET", sessions, admin);
    await ok("DELETE", `${sessions}/${known[0]!.id}`, admin);
  };
  return { token, end };
}

const invite = async (token: string) => (await ok<{ id: string }>("POST", LINK, { token, json: { role: "member" } })).id;

describe("a personal token from an exchange", () => {
  it.each(["ada", "mel"])("makes no token of a team, and changes none, though %s may", async (login) => {
    const person = login === "ada" ? world.admin : world.member;
    for (const memberAction of ["add", "promote"]) await ok("PATCH", TEAM, { ...admin, json: { member: "mel", memberAction } });
    const old = await ok<NewToken>("POST", `${TEAM}/tokens`, { token: person, json: { name: "old" } });
    await ok("POST", `${TEAM}/tokens/${old.id}/disable`, { token: person });
    const { token } = await exchangedFor(login);
    const calls: [method: string, path: string, json: object][] = [
      ["POST", `${TEAM}/tokens`, { name: "new" }],
      ["PATCH", `${TEAM}/tokens/${old.id}`, { description: "x" }],
      ["POST", `${TEAM}/tokens/${old.id}/rotate`, {}],
      ["POST", `${TEAM}/tokens/${old.id}/enable`, {}],
    ];
    const events = await eventsOf(() =>
      changesNothing(async () => {
        for (const [method, path, json] of calls)
          expect(await refused(403, method, path, { token, json })).toContain(
            "a personal token from an exchange cannot create or change tokens",
          );
      }),
    );
    const refusal = { event: "auth-failure-organization-role", userLogin: login, tokenName: expect.stringMatching(/^ci:/) as string };
    expect(events).toMatchObject(calls.map(() => refusal));
    // To end a token is no gain.
    await ok("DELETE", `${TEAM}/tokens/${old.id}`, { token });
  });

  it("makes invitations that end with it", async () => {
    const first = await exchangedFor("ada");
    const id = await invite(first.token);
    await ok("GET", `/api/orgs/acme/invites/${id}`, { token: world.stranger });
    await first.end();
    await refused(409, "PATCH", `/api/orgs/acme/invites/${id}`, { token: world.stranger });
    const second = await exchangedFor("ada");
    const other = await invite(second.token);
    const asked = await invite(world.admin);
    laterBy(3 * 3_600_000);
    await refused(409, "PATCH", `/api/orgs/acme/invites/${other}`, { token: world.stranger });
    await ok("PATCH", `/api/orgs/acme/invites/${asked}`, { token: world.stranger });
  });

  it("of an administrator gives rights, unless it is limited to stacks", async () => {
    const grant = (stackName: string, permission = 103) => ({ addStackPermission: { projectName: "web", stackName, permission } });
    for (const stack of ["dev", "prod"]) await newStack(world.admin, "web", stack);
    await ok("PATCH", "/api/orgs/acme", { ...admin, json: { setDefaultStackPermission: 101 } });
    const role = await newRoleId(world.admin, "clerk", allow("team:update"));
    const hidden = await invite(world.admin);
    await ok("PATCH", TEAM, { ...admin, json: grant("prod", 102) });
    const limited = await exchangedFor("ada", { stacks: [{ project: "web", stack: "dev" }] });
    const free = await exchangedFor("ada");
    const member = "/api/orgs/acme/members/bill";
    const calls: [method: string, path: string, json?: object][] = [
      ["PATCH", "/api/orgs/acme", { setDefaultStackPermission: 103 }],
      ["PATCH", `/api/orgs/acme/roles/${role}/default`],
      ["PATCH", member, { role: "member" }],
      ["PATCH", member, { fgaRoleId: role }],
      ["POST", LINK, { role: "member" }],
      ["PATCH", TEAM, { member: "mel", memberAction: "add" }],
      ["PATCH", TEAM, { member: "mel", memberAction: "promote" }],
      ["POST", `${TEAM}/roles/${role}`],
      ["POST", "/api/orgs/acme/members/gus", { role: "member" }],
    ];
    await changesNothing(async () => {
      for (const [method, path, json] of calls) await refused(403, method, path, { token: limited.token, ...(json && { json }) });
      await refused(404, "PATCH", TEAM, { token: limited.token, json: grant("prod") });
    });
    const { invites } = await ok<{ invites: { id: string }[] }>("GET", "/api/orgs/acme/invites", { token: limited.token });
    expect(invites.map(({ id }) => id)).not.toContain(hidden);
    // What it has itself, it may give on.
    await ok("PATCH", TEAM, { token: limited.token, json: grant("dev") });
    for (const [method, path, json] of calls) await ok(method, path, { token: free.token, ...(json && { json }) });
    await ok("PATCH", TEAM, { token: free.token, json: grant("prod") });
  });
});
