import { beforeEach, expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { allow } from "../roles/roles.ts";
import { call, ok } from "../support/client.ts";
import { records } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";

type Name = "roleID" | "teamName" | "tokenId" | "inviteID";
type Ids = Record<Name, string>;

let world: World;
let own: Ids;
let foreign: Ids;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.admin);
  await newTeam(world, "ours");
  own = {
    ...(await objectsOf("acme", world.admin)),
    teamName: "ours",
    tokenId: (await newOrgToken(world, "ci")).id,
  };
  foreign = await objectsOf("globex", world.stranger);
});

async function objectsOf(org: string, token: string): Promise<Ids> {
  const make = <T extends { id: string }>(path: string, json: object) => ok<T>("POST", `/api/orgs/${org}${path}`, { token, json });
  await ok("POST", `/api/orgs/${org}/teams/pulumi`, { token, json: { name: `of-${org}` } });
  return {
    roleID: (await make("/roles", { name: "reader", details: allow("stack:read") })).id,
    teamName: `of-${org}`,
    tokenId: (await make<NewToken>("/tokens", { name: `of-${org}` })).id,
    inviteID: (await make("/invites/link", { role: "member" })).id,
  };
}

const NAMES: Name[] = ["roleID", "teamName", "tokenId", "inviteID"];
const bodies: Record<string, unknown> = {
  UpdateRole: { description: "Mine." },
  UpdateTeam: { member: "mel", memberAction: "add" },
  UpdateTeamStackPermissions: { permissions: 101 },
  CreateTeamToken: { name: "new" },
  UpdateOrgToken: { description: "Mine." },
  UpdateTeamToken: { description: "Mine." },
};

it("ids of another organization in a path get the same answer as ids that do not exist", async () => {
  const before = await ofGlobex();
  const asked: string[] = [];
  for (const { definition } of routes)
    for (const name of NAMES) {
      const { method, path, operationId } = definition;
      if (!path.includes(`{${name}}`)) continue;
      const at = (id: string) =>
        path.replaceAll(/\{(\w+)\}/g, (_, param: string) =>
          param === name
            ? id
            : ({ ...own, orgName: "acme", projectName: "web", stackName: "dev", user: "mel" } as Record<string, string>)[param]!,
        );
      const json = method === "GET" ? undefined : (bodies[operationId] ?? {});
      const answer = async (id: string) => {
        const response = await call(method, at(id), { token: world.admin, json });
        return `${response.status} ${(await response.text()).replaceAll(id, "ID").replace(/"requestId":"[^"]*"/, "")}`;
      };
      const invented = name === "teamName" ? "of-nobody" : crypto.randomUUID();
      expect(await answer(foreign[name]), `${operationId}, ${name}`).toBe(await answer(invented));
      asked.push(operationId);
    }
  expect(asked.length).toBeGreaterThan(30);
  expect(await ofGlobex()).toEqual(before);
});

it("ids of another organization in a body get the same answer as ids that do not exist", async () => {
  const ask = async (method: string, path: string, json: object) => {
    const response = await call(method, `/api/orgs/acme${path}`, { token: world.admin, json });
    return `${response.status} ${(await response.text()).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "ID")}`;
  };
  const member = (await records())["organizations"] as { id: string; name: string }[];
  const globex = member.find(({ name }) => name === "globex")!.id;
  for (const [theirs, nobodys] of [
    [foreign.roleID, crypto.randomUUID()],
    [`member.${globex}`, `member.${crypto.randomUUID()}`],
    [`set-stack-admin.${globex}`, `set-stack-admin.${crypto.randomUUID()}`],
  ] as const)
    for (const [method, path, body] of [
      [
        "POST",
        "/roles",
        (id: string) => ({ name: "new", details: { __type: "PermissionDescriptorCompose", permissionDescriptors: [id] } }),
      ],
      [
        "PATCH",
        `/roles/${own.roleID}`,
        (id: string) => ({ details: { __type: "PermissionDescriptorCompose", permissionDescriptors: [id] } }),
      ],
      ["PATCH", "/members/mel", (id: string) => ({ fgaRoleId: id })],
      ["POST", "/invites/link", (id: string) => ({ roleId: id })],
      ["POST", "/invites/batch", (id: string) => ({ invites: [{ email: "zoe@example.com", roleId: id }] })],
      ["POST", "/tokens", (id: string) => ({ name: "new", roleID: id })],
    ] as const) {
      const answer = await ask(method, path, body(theirs));
      expect(answer, path).toMatch(/^4\d\d /);
      expect(answer, path).toBe(await ask(method, path, body(nobodys)));
    }
});

/** Everything of the other organization. */
async function ofGlobex(): Promise<string[]> {
  const rows = await records();
  const { id } = (rows["organizations"] as { id: string; name: string }[]).find(({ name }) => name === "globex")!;
  return Object.values(rows)
    .flat()
    .map((row) => JSON.stringify(row))
    .filter((row) => row.includes(id) || Object.values(foreign).some((one) => row.includes(one)));
}
