/**
 * The calls that a holder of credentials may try: all calls that change roles, teams, tokens, members, invitations, grants and defaults.
 */
import { orgPermissions } from "../../../src/access/permissions.ts";
import { allow, compose } from "../../roles/roles.ts";
import type { Rows } from "./tables.ts";

/** A credential of the attacker. */
export interface Held {
  name: string;
  value: string;
  /** Id of a machine's token. */
  id?: string;
}

export interface Call {
  by: Held;
  method: string;
  path: string;
  json?: unknown;
  /** Name of the token whose value a successful answer contains. */
  makes?: string;
}

/** The name of a call in the report of a failure. */
export const labelOf = ({ by, method, path, json }: Call, rows: Rows): string => {
  let text = `${by.name}: ${method} ${path} ${json === undefined ? "" : JSON.stringify(json)}`;
  for (const row of [...rows.roles, ...rows.access_tokens]) text = text.replaceAll(String(row["id"]), `<${row["name"]}>`);
  return text.replace(JSON.stringify(orgPermissions), "[all]");
};

const ORG = "/api/orgs/acme";
const PEOPLE_ONLY = ["org_token:create", "org_member:set_admin", "stack:transfer"];

/** @param outsider a person who accepts invitations */
export function callsOf(held: Held[], outsider: Held, rows: Rows): Call[] {
  const roles = rows.roles.map((row) => ({ id: String(row["id"]), name: String(row["name"]) }));
  const roleId = (name: string) => roles.find((role) => role.name === name)?.id;
  const teams = rows.teams.map((row) => ({ id: String(row["id"]), name: String(row["name"]) }));
  const isIn = (login: string) => rows.members.some((row) => row["org_id"] === acme && row["user_id"] === userId(login));
  const own = rows.roles.find(({ name }) => name === "own");
  const ownScopes = own ? (JSON.parse(String(own["grants"])) as { scopes: string[] }[]).flatMap(({ scopes }) => scopes) : [];
  const trees = {
    reads: allow("stack:read"),
    writes: allow("stack:write"),
    all: allow(...orgPermissions),
    own: allow(...ownScopes),
    peopleOnly: allow(...PEOPLE_ONLY),
    nothing: allow(),
    onProduction: {
      __type: "PermissionDescriptorCondition",
      condition: { __type: "PermissionExpressionHasTag", context: { __type: "PermissionExpressionStack" }, key: "env" },
      subNode: allow("stack:write"),
    },
    ...(roleId("writer") && { included: compose(roleId("writer")!) }),
  };
  const acme = rows.organizations.find(({ name }) => name === "acme")!["id"];
  const userId = (login: string) => rows.users.find((row) => row["login"] === login)!["id"];
  const calls: Call[] = [];
  for (const by of held) {
    const add = (method: string, path: string, json?: unknown, makes?: string) =>
      calls.push({ by, method, path, ...(json !== undefined && { json }), ...(makes !== undefined && { makes }) });

    // Roles.
    if (!roleId("fresh")) for (const details of Object.values(trees)) add("POST", `${ORG}/roles`, { name: "fresh", details });
    for (const { id } of roles) {
      for (const details of [trees.reads, trees.all, trees.included]) if (details) add("PATCH", `${ORG}/roles/${id}`, { details });
      add("DELETE", `${ORG}/roles/${id}?force=true`);
    }
    for (const id of ["member", "admin", ...roles.map((role) => role.id)]) add("PATCH", `${ORG}/roles/${id}/default`);

    // Members and invitations.
    const given = [
      ...(["admin", "member", "billing-manager"] as const).map((role) => ({ role })),
      ...roles.map(({ id }) => ({ fgaRoleId: id })),
    ];
    for (const login of ["mel", "gus"]) if (isIn(login)) for (const json of given) add("PATCH", `${ORG}/members/${login}`, json);
    add("PATCH", `${ORG}/members/ada`, { role: "member" });
    for (const role of ["admin", "member"]) if (!isIn("gus")) add("POST", `${ORG}/members/gus`, { role });
    for (const login of ["ada", "mel"]) if (isIn(login)) add("DELETE", `${ORG}/members/${login}`);
    if (!rows.invites.some(({ status }) => status === "pending"))
      for (const { role, fgaRoleId } of given as { role?: string; fgaRoleId?: string }[])
        add("POST", `${ORG}/invites/link`, fgaRoleId ? { roleId: fgaRoleId } : { role });

    // Teams.
    if (!teams.some(({ name }) => name === "fresh")) add("POST", `${ORG}/teams/pulumi`, { name: "fresh" });
    for (const { name, id } of teams) {
      const T = `${ORG}/teams/${name}`;
      for (const member of ["mel", "gus"])
        if (isIn(member)) for (const memberAction of ["add", "promote", "remove"]) add("PATCH", T, { member, memberAction });
      for (const [stackName, permission] of [
        ["dev", 103],
        ["dev", 0],
        ["prod", 101],
      ] as const)
        add("PATCH", T, { addStackPermission: { projectName: "web", stackName, permission } });
      add("PATCH", `/api/console/stacks/acme/web/dev/teams/${name}`, { permissions: 102 });
      for (const role of roles) {
        add("POST", `${T}/roles/${role.id}`);
        add("DELETE", `${T}/roles/${role.id}`);
      }
      add("POST", `${T}/enable-team-roles`);
      add("DELETE", T);
      const tokens = rows.access_tokens.filter((row) => row["team_id"] === id && row["deleted_at"] === null);
      if (!rows.access_tokens.some((row) => row["name"] === `made-${name}`))
        add("POST", `${T}/tokens`, { name: `made-${name}`, mayRotateItself: true }, `made-${name}`);
      for (const token of tokens) {
        const path = `${T}/tokens/${String(token["id"])}`;
        add("PATCH", path, { expires: 0, ipAllowList: [], stacks: [{ project: "*" }], mayRotateItself: true });
        if (token["successor_id"] === null) add("POST", `${path}/rotate`, { name: `${token["name"]}-2` }, `${token["name"]}-2`);
        add("POST", `${path}/${token["disabled_at"] === null ? "disable" : "enable"}`);
      }
    }

    // Tokens of the organization, of people, and the caller's own.
    for (const json of [{}, { admin: true }, { roleID: roleId("writer") ?? "member" }])
      add("POST", `${ORG}/tokens`, { name: "of-the-organization", ...json }, "of-the-organization");
    for (const { id, kind } of rows.access_tokens) {
      if (kind !== "organization") continue;
      add("PATCH", `${ORG}/tokens/${id}`, { expires: 0, ipAllowList: [], stacks: [{ project: "*" }] });
      add("POST", `${ORG}/tokens/${id}/rotate`, {}, "rotated");
    }
    add("POST", "/api/user/token/rotate", { overlap: 600 }, `${by.name}+`);
    if (by.id) add("POST", "/api/user/tokens", {}, "personal");

    // Settings that give rights.
    for (const json of [{ setDefaultStackPermission: 103 }, { setMembersCanDeleteStacks: true }, { setAllowedCidrs: [] }])
      add("PATCH", ORG, json);
  }
  for (const invite of rows.invites)
    if (invite["status"] === "pending" && !isIn("gus"))
      calls.push({ by: outsider, method: "PATCH", path: `${ORG}/invites/${String(invite["id"])}` });
  return calls;
}
