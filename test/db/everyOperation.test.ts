import { env } from "cloudflare:workers";
import { expect, inject, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { allowing, sharedKey } from "../oidc/support/idp.ts";
import { allow } from "../roles/roles.ts";
import { call, ok } from "../support/client.ts";
import { deploymentOf, rootStack } from "../support/deployment.ts";
import { objectKeys, records } from "../support/stored.ts";
import {
  type Organization,
  administratorOf,
  inEach,
  newStackIn,
  organizations,
  settled,
  stackOf,
  startIn,
  twoDatabases,
} from "./support/twoDatabases.ts";

twoDatabases(["north", "east"]);

const inOrganizations = routes.map(({ definition }) => definition).filter(({ path }) => path.includes("{orgName}"));
/** Reading comes first and deletion last, so that everything is there for as many operations as possible. */
const ORDER = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const sorted = inOrganizations.toSorted((a, b) => ORDER.indexOf(a.method) - ORDER.indexOf(b.method));

const stream = { name: "away", from: "now", destination: { kind: "splunk", url: "http://localhost:1", token: "t" } };
const hook = { displayName: "All", payloadUrl: "http://localhost:1", active: true };
const reader = { name: "reader", details: allow("stack:read") };
const issuer = async () => ({ name: "ci", url: "https://idp.example.com", jwks: { keys: [(await sharedKey()).jwk] } });

/** A value for each parameter of a path, by the parameter's name. */
type Things = Record<string, string>;

async function thingsOf(org: Organization, admin: string): Promise<Things> {
  const { name, token } = org;
  const path = `/api/orgs/${name}`;
  const make = async (to: string, json: object) => (await ok<{ id: string }>("POST", path + to, { token: admin, json })).id;
  await newStackIn(org);
  await ok("POST", `${stackOf(org)}/import`, { token, json: deploymentOf([rootStack]) });
  await ok("PATCH", `${stackOf(org)}/tags`, { token, json: { team: "a" } });
  await ok("POST", `${path}/teams/pulumi`, { token, json: { name: "ours" } });
  await ok("POST", `${path}/hooks`, { token, json: { ...hook, organizationName: name, name: "all" } });
  await ok("POST", `${stackOf(org)}/hooks`, {
    token,
    json: { ...hook, organizationName: name, name: "all", projectName: "web", stackName: "dev" },
  });
  const issuerId = await make("/oidc/issuers", await issuer());
  const update = await startIn(org);
  return {
    orgName: name,
    projectName: "web",
    stackName: "dev",
    version: "1",
    teamName: "ours",
    tagName: "team",
    roleID: await make("/roles", reader),
    streamId: await make("/audit-streams", stream),
    issuerId,
    policyId: (await ok<{ id: string }>("GET", `${path}/auth/policies/oidcissuers/${issuerId}`, { token })).id,
    hookName: "all",
    tokenId: await make("/tokens", { name: "other" }),
    updateID: update.path.split("/").at(-1)!,
    programID: (await ok<{ id: string }>("GET", stackOf(org), { token })).id,
    userLogin: `admin-of-${name}`,
    user: `admin-of-${name}`,
    userName: `admin-of-${name}`,
    urn: rootStack.urn,
    day: "2026-01-01",
    updateKind: "update",
    lease: update.lease,
  };
}

/** Bodies with which operations do something; the others get an empty object. */
const bodies: Record<string, (things: Things) => unknown> = {
  CreateOrgToken: () => ({ name: "new" }),
  CreateTeamToken: () => ({ name: "new" }),
  CreatePulumiTeam: () => ({ name: "new", displayName: "New", description: "" }),
  UpdateTeam: () => ({ newDisplayName: "Theirs" }),
  UpdateTeamStackPermissions: () => ({ permissions: 101 }),
  CreateRole: () => ({ ...reader, name: "new" }),
  UpdateRole: () => ({ description: "Reads." }),
  UpdateOrganizationSettings: () => ({ membersCanCreateStacks: false }),
  UpdateOidcIssuer: () => ({ name: "renamed" }),
  UpdateAuthPolicy: () => ({ policies: [allowing()] }),
  CreateAuditStream: () => ({ ...stream, name: "new" }),
  UpdateAuditStream: () => ({ name: "renamed" }),
  CreateOrganizationWebhook: ({ orgName }) => ({ ...hook, organizationName: orgName, name: "new" }),
  CreateStackWebhook: ({ orgName }) => ({ ...hook, organizationName: orgName, name: "new", projectName: "web", stackName: "dev" }),
  CreateStack: () => ({ stackName: "new" }),
  AddStackTag: () => ({ name: "new", value: "" }),
  UpdateStackTag: () => ({ value: "b" }),
  ImportStack: () => deploymentOf([rootStack]),
  EncryptValue: () => ({ plaintext: "" }),
  BatchEncryptValue: () => ({ plaintexts: [""] }),
  RenameStack: () => ({ newName: "renamed" }),
  TransferStack: () => ({ toOrg: "nobody" }),
};

const pathIn = (path: string, things: Things) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => things[name] ?? "none");
const bodyIn = ({ method, operationId }: (typeof inOrganizations)[number], things: Things) =>
  ["GET", "HEAD"].includes(method) ? undefined : (bodies[operationId.split("_")[0]!]?.(things) ?? {});

/** The members of an answer and their types. Lists are compared as sets, because events arrive in the log at different times. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((one) => JSON.stringify(shapeOf(one))))].sort();
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, shapeOf((value as Record<string, unknown>)[key])]),
  );
}
const shapeOfText = (text: string): unknown => {
  try {
    return shapeOf(JSON.parse(text));
  } catch {
    return "text";
  }
};

it("every operation answers an organization of the second database as one of the directory, or tells that it has no people", async () => {
  const admins = await inEach(administratorOf);
  const things = await Promise.all(organizations.map((org, i) => thingsOf(org, admins[i]!)));
  await inEach(settled);
  const statuses: Record<number, number> = {};
  for (const definition of sorted) {
    const { method, path, operationId, permission } = definition;
    // The person is administrator and has every right.
    const [here, there] = await Promise.all(
      things.map(async (its, i) => {
        const caller = permission === "lease" ? { lease: its["lease"] } : { token: admins[i] };
        const response = await call(method, pathIn(path, its), { ...caller, json: bodyIn(definition, its) });
        return { status: response.status, text: method === "HEAD" ? "" : await response.text() };
      }),
    );
    statuses[here!.status] = (statuses[here!.status] ?? 0) + 1;
    if (/where organizations have no members/.test(there!.text)) expect(withPeople, operationId).toContain(operationId);
    else {
      expect(there!.status, `${operationId}: ${here!.text} / ${there!.text}`).toBe(here!.status);
      expect(shapeOfText(there!.text), operationId).toEqual(shapeOfText(here!.text));
    }
  }
  expect(statuses[200]! + (statuses[204] ?? 0)).toBeGreaterThan(100);
});

/** Operations that bring people into an organization. */
const withPeople = ["CreateOrgInviteLink", "BatchCreateOrgInviteEmail", "BatchCreateOrgUnverifiedInviteEmail", "AddOrganizationMember"];

it("no operation does anything for a token of an organization in the other database", async () => {
  const admins = await inEach(administratorOf);
  const things = await Promise.all(organizations.map((org, i) => thingsOf(org, admins[i]!)));
  await inEach(settled);
  const everything = async () => ({ here: await records(env.DB), there: await records(env.SECOND), objects: await objectKeys() });
  const before = await everything();
  const callers = organizations.flatMap((org, i) => [org.token, admins[i]!].map((token) => ({ i, token })));
  for (const [n, definition] of sorted.entries()) {
    const { method, path, operationId, permission } = definition;
    if (["public", "operator"].includes(permission)) continue;
    // The short form makes one call of each operation, with the callers in turn.
    for (const { i, token } of inject("long") ? callers : [callers[n % callers.length]!]) {
      const target = things[1 - i]!;
      const response = await call(method, pathIn(path, target), { token, json: bodyIn(definition, target) });
      const text = await response.text();
      expect([401, 403, 404], `${operationId} for ${organizations[i]!.name}: ${text}`).toContain(response.status);
      expect(text, operationId).not.toContain(organizations[1 - i]!.id);
      // This call has the lease of one organization and the path of the other one.
      if (permission === "lease") {
        const { status } = await call(method, pathIn(path, target), { lease: things[i]!["lease"], json: bodyIn(definition, target) });
        expect(status, operationId).toBe(403);
      }
    }
  }
  for (const [i, org] of organizations.entries())
    for (const token of [org.token, admins[i]!]) {
      const { stacks } = await ok<{ stacks: { orgName: string }[] }>("GET", "/api/user/stacks", { token });
      expect(stacks.map(({ orgName }) => orgName)).toEqual([org.name]);
      const asked = await call("GET", `/api/user/stacks?organization=${organizations[1 - i]!.name}`, { token });
      expect(await asked.text()).not.toContain('"projectName"');
    }
  expect(await everything()).toEqual(before);
});
