/** For each route, a call that succeeds for some caller, with objects of its own in the world of `newWorld` and `addPeople`. */
import { SamlIdp } from "../sso/support/samlIdp.ts";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { getCheckpoint, signCheckpoints } from "../../src/audit/checkpoint.ts";
import type { Bindings } from "../../src/env.ts";
import type { Route } from "../../src/http/route.ts";
import { PublishingIdp, allowing, exchanged, form, newIdp, sharedKey } from "../oidc/support/idp.ts";
import { signIn } from "./browser.ts";
import { ok } from "./client.ts";
import { eventually } from "./clock.ts";
import { deploymentOf, rootStack } from "./deployment.ts";
import { signatureOf } from "./scanner.ts";
import { type World, newStack, newTeam, startUpdate } from "./world.ts";

export interface GoodCall {
  path: string;
  json: unknown;
  headers: Record<string, string>;
  /** The lease of the update that the path names; empty if the path names none. */
  lease: string;
}

export async function goodCall(world: World, definition: Route["definition"]): Promise<GoodCall> {
  const objects = await objectsFor(world, definition);
  const path = definition.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => objects.params[name]!);
  const query = queries[definition.operationId] ?? "";
  const json = definition.method === "GET" || definition.method === "HEAD" ? undefined : await bodyOf(definition, objects);
  return { path: path + query, json, headers: await signed(definition, json), lease: objects.lease };
}

/** The query that some calls need. */
const queries: Record<string, string> = { ListRolesByOrgIDAndUXPurpose: "?uxPurpose=role", ExplainAccess: "?permission=stack:write" };

/** A scanner's reports are authenticated by their signature. */
const signed = async ({ operationId }: Route["definition"], json: unknown): Promise<Record<string, string>> =>
  operationId === "ReportTokenLeaks" ? { "X-Hub-Signature-256": await signatureOf(JSON.stringify(json)) } : {};

/** Operations that refuse every call: each refuses a feature that is not supported, with its own message. */
export const refusedToAll: string[] = ["CreateGitHubTeam", "UpdateStackConfig"];

interface Objects {
  params: Record<string, string>;
  lease: string;
  ciphertext: string;
}

/** Operations about stacks whose path names none. */
const ofSomeStack = new Set(["ListUserStacks", "ProjectExists", "ListDeletedStacks", "RestoreDeletedStack", "TransferAllStacks"]);

/** Creates the objects that the call of a route needs. */
async function objectsFor(world: World, { path, operationId }: Route["definition"]): Promise<Objects> {
  const stackName = operationId.toLowerCase();
  const params: Record<string, string> = { orgName: "acme", projectName: "web", stackName, version: "1", roleID: "admin" };
  const token = world.member;
  const STACK_PATH = `/api/stacks/acme/web/${stackName}`;
  const isOnStack = path.includes("{stackName}") || ofSomeStack.has(operationId);
  if (isOnStack) await newStack(token, "web", stackName);
  params["tagName"] = "team";
  if (path.includes("{publisher}")) Object.assign(params, { source: "pulumi", publisher: "orchard", name: "apples", version: "1.2.0" });
  if (isOnStack) await ok("PATCH", `${STACK_PATH}/tags`, { token, json: { team: "a" } });
  // Only an earlier release stored such a configuration.
  if (operationId === "GetStackConfig")
    await env.DB.prepare("UPDATE stacks SET config = ? WHERE name = ?").bind('{"environment":"web/dev"}', stackName).run();
  // The operation moves at most a hundred stacks.
  if (operationId === "TransferAllStacks") {
    await env.DB.prepare("UPDATE stacks SET deleted_at = 0 WHERE name <> ?").bind(stackName).run();
    // An update runs on the other stack.
    await newStack(token, "web", `${stackName}-busy`);
    await startUpdate(token, { stack: `web/${stackName}-busy` });
  }
  if (operationId === "LeaveOrganization") {
    params["orgName"] = "umbrella";
    await env.DB.batch([
      // The organization has another id in each world, like `initech` below.
      env.DB.prepare(
        "INSERT INTO organizations (id, name, display_name, created_at) VALUES (lower(hex(randomblob(16))), 'umbrella', 'umbrella', 0)",
      ),
      env.DB.prepare(
        `INSERT INTO members (org_id, user_id, role, created_at) SELECT organizations.id, users.id, 'admin', 9e12
         FROM organizations JOIN users WHERE organizations.name = 'umbrella' AND login IN ('ada', 'mel', 'bill')`,
      ),
    ]);
  }
  params["userLogin"] = operationId === "AddOrganizationMember" ? "nia" : "sam";
  Object.assign(params, { user: "mel", userName: "mel" });
  if (path.includes("{teamName}")) {
    params["teamName"] = operationId;
    await newTeam(world, operationId);
  }
  if (path.includes("{teamName}/roles")) {
    params["roleID"] = `role-${operationId}`;
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO roles (id, org_id, name, description, resource_type, ux_purpose, details, grants, created_at, modified_at)
         SELECT ?, id, ?, '', 'organization', 'role', '{"__type":"PermissionDescriptorAllow","permissions":[]}', '[]', 0, 0
         FROM organizations WHERE name = 'acme'`,
      ).bind(params["roleID"], params["roleID"]),
      env.DB.prepare("INSERT INTO team_roles SELECT id, ? FROM teams WHERE name = ? AND ? = 'DeleteTeamRole'").bind(
        params["roleID"],
        operationId,
        operationId,
      ),
    ]);
  }
  if (path.includes("{issuerId}") || path.includes("{policyId}") || operationId === "Token") await issuerFor(world, operationId, params);
  if (path.includes("/sso/")) await singleSignOnFor(world, operationId, params);
  if (path.includes("{streamId}")) {
    const json = streamTo(operationId);
    params["streamId"] = (await ok<{ id: string }>("POST", "/api/orgs/acme/audit-streams", { token: world.admin, json })).id;
    await env.DB.prepare("UPDATE audit_streams SET retry_at = 4e12").run();
  }
  if (/^(Get|Delete)AuditLogExportConfiguration$|^ForceAuditLogExport$/.test(operationId)) {
    const json = { newEnabled: operationId === "ForceAuditLogExport", newS3Configuration: exportConfig };
    await ok("POST", "/api/orgs/acme/auditlogs/export/config", { token: world.admin, json });
  }
  if (path.includes("{hookName}")) {
    const hooks = isOnStack ? `${STACK_PATH}/hooks` : "/api/orgs/acme/hooks";
    params["hookName"] = stackName.slice(0, 32);
    await ok("POST", hooks, { token, ...(!isOnStack && { token: world.admin }), json: hookTo(params["hookName"]) });
    if (path.includes("{event}"))
      params["event"] = (await ok<{ id: string }>("POST", `${hooks}/${params["hookName"]}/ping`, { token: world.admin })).id;
  }
  if (path.includes("{tokenId}") && !path.includes("{issuerId}") && !path.includes("/sso/")) {
    const tokens = path.includes("{teamName}") ? `/api/orgs/acme/teams/${operationId}/tokens` : "/api/orgs/acme/tokens";
    const { id } = path.startsWith("/api/user")
      ? await ok<{ id: string }>("POST", "/api/user/tokens", { token: world.admin })
      : await ok<{ id: string }>("POST", path.includes("/scim/") ? "/api/orgs/acme/scim/tokens" : tokens, {
          token: world.admin,
          json: { name: `doomed-${operationId}` },
        });
    params["tokenId"] = id;
    if (/^Get(Org|Team)TokenRevocation$/.test(operationId)) await ok("DELETE", `${tokens}/${id}`, { token: world.admin });
  }
  if (path.includes("{sessionId}")) {
    await signIn(world.admin);
    params["sessionId"] = (await ok<{ sessions: { id: string }[] }>("GET", "/api/user/sessions", { token: world.admin })).sessions[0]!.id;
  }
  if (path.includes("{day}")) {
    const now = Date.now();
    const day = new Date(now).toISOString().slice(0, 10);
    const { id } = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<{ id: string }>())!;
    // An event of another organization may get into its chain before any event of this one.
    await eventually(async () => {
      await signCheckpoints(env as Bindings, now);
      expect(await getCheckpoint(env as Bindings, id, day)).toBeDefined();
    });
    params["day"] = day;
  }
  // Events get into their chain a moment later, and verifying an empty chain takes fewer round trips.
  if (operationId === "VerifyAuditLogs")
    await eventually(async () =>
      expect(
        await env.DB.prepare(
          "SELECT count(*) AS n FROM audit_events WHERE org_id = (SELECT id FROM organizations WHERE name = 'acme')",
        ).first("n"),
      ).toBeGreaterThan(0),
    );
  if (isOnStack && (path.includes("/{version}") || /\/latest\b/.test(path)))
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack]) });
  params["urn"] = rootStack.urn;
  if (path.includes("{inviteID}"))
    params["inviteID"] = (
      await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: world.admin, json: { role: "member" } })
    ).id;
  // The default role was one that does not exist, whose holders have the rights of members, so the other calls are not affected.
  if (operationId === "UpdateOrganizationDefaultRole") {
    params["roleID"] = "member";
    await env.DB.prepare("UPDATE organizations SET default_role_id = 'gone'").run();
  }
  if (changesRole.has(operationId))
    params["roleID"] = (
      await ok<{ id: string }>("POST", "/api/orgs/acme/roles", { token: world.admin, json: { ...reader, name: operationId } })
    ).id;
  const { ciphertext } = path.includes("decrypt")
    ? await ok<{ ciphertext: string }>("POST", `${STACK_PATH}/encrypt`, { token, json: { plaintext: "" } })
    : { ciphertext: "" };

  let lease = "";
  if (path.includes("{updateID}")) {
    const journaling = !operationId.startsWith("PatchUpdate");
    const starts = operationId.startsWith("StartUpdate");
    const dryRun = starts || operationId.startsWith("GetStackPreview");
    const running = await startUpdate(token, { stack: `web/${stackName}`, journaling, dryRun });
    lease = running.lease;
    params["updateID"] = starts
      ? (await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: {} })).updateID
      : running.id;
  }
  if (path.includes("{programID}")) params["programID"] = (await ok<{ id: string }>("GET", STACK_PATH, { token })).id;
  if (operationId === "RestoreDeletedStack") await ok("DELETE", STACK_PATH, { token });
  return { params, lease, ciphertext };
}

/** Adds the ids of an identity provider to the parameters, and the token that it signed. */
async function issuerFor(world: World, operationId: string, params: Record<string, string>): Promise<void> {
  const idp = await newIdp(world);
  Object.assign(params, { issuerId: idp.id, policyId: idp.policyId, subjectToken: await idp.token() });
  if (operationId === "RegenerateThumbprints") {
    const publishing = new PublishingIdp();
    await publishing.publish([(await sharedKey()).jwk]);
    const json = { name: "publishing", url: publishing.url };
    params["issuerId"] = (await ok<{ id: string }>("POST", "/api/orgs/acme/oidc/issuers", { token: world.admin, json })).id;
  }
  if (operationId.startsWith("EndOidcSession")) {
    await exchanged(await idp.token());
    const path = `/api/orgs/acme/oidc/issuers/${idp.id}/sessions`;
    params["tokenId"] = (await ok<{ sessions: { id: string }[] }>("GET", path, { token: world.admin })).sessions[0]!.id;
  }
}

/** GitHub needs no discovery document. */
const connection = { kind: "github", name: "GitHub", clientSecret: "s" };

/** Adds the ids of a connection, of an identity, of a token that was authorized, and a domain whose record can be found. */
async function singleSignOnFor(world: World, operationId: string, params: Record<string, string>): Promise<void> {
  const sso = "/api/orgs/acme/sso";
  // The objects of earlier calls are deleted, because an organization has few connections.
  const before = ["token_authorizations", "identities", "connections", "domains"];
  await env.DB.batch(before.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  const json = { ...connection, clientId: crypto.randomUUID() };
  const { id } = await ok<{ id: string }>("POST", `${sso}/connections`, { token: world.admin, json });
  const domain = `${operationId.toLowerCase()}.example`;
  const { record } = await ok<{ record: { value: string } }>("POST", `${sso}/domains`, { token: world.admin, json: { domain } });
  const resolver = `${(env as unknown as { DOCUMENTS: string }).DOCUMENTS}/${crypto.randomUUID()}`;
  const body = JSON.stringify({ Status: 0, Answer: [{ type: 16, data: record.value }] });
  await fetch(resolver, { method: "PUT", body: JSON.stringify({ body }) });
  Object.assign(env, { DNS_RESOLVERS: resolver });
  Object.assign(params, { connectionId: id, domain, identityId: crypto.randomUUID(), tokenId: crypto.randomUUID() });
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO identities (id, connection_id, org_id, issuer, subject, user_id, email, created_at, last_sign_in_at)
       SELECT ?, ?, org_id, issuer, ?, 'sam', '', 0, 0 FROM connections WHERE id = ?`,
    ).bind(params["identityId"], id, params["identityId"], id),
    env.DB.prepare(
      "INSERT INTO token_authorizations (token_id, org_id, identity_id, created_at) SELECT ?, org_id, ?, 0 FROM connections WHERE id = ?",
    ).bind(params["tokenId"], params["identityId"], id),
  ]);
}
/** A stream whose destination does not exist, and which has nothing to send yet. */
const streamTo = (name: string) => ({ name, from: "now", destination: { kind: "splunk", url: "http://localhost:1", token: "t" } });

/** A bucket of `AUDIT_EXPORT_STORE`, the store of these tests, which does not exist. */
const exportConfig = { s3BucketName: "audit-log", iamRoleArn: "arn:aws:iam::111122223333:role/audit" };
/** A webhook whose destination does not exist, for events that never happen. */
const hookTo = (name: string) => ({
  organizationName: "acme",
  name,
  displayName: name,
  payloadUrl: "http://localhost:1",
  active: true,
  filters: ["deployment_failed"],
});

const changesRole = new Set(["UpdateRole", "DeleteRole", "ListUsersWithRole", "ListTeamsWithRole"]);
const reader = { name: "reader", details: { __type: "PermissionDescriptorAllow", permissions: ["stack:read"] } };

const emptyState = { version: 3, deployment: {} };

async function bodyOf({ operationId }: Route["definition"], { ciphertext, params }: Objects): Promise<unknown> {
  const bodies: Record<string, unknown> = {
    CreateOrgToken: { name: "new" },
    CreateScimToken: { name: "okta" },
    UpdateScim: { deletesTeams: true },
    CreateTeamToken: { name: "new-of-team" },
    CreatePulumiTeam: { name: "new", displayName: "New", description: "" },
    CreateGitHubTeam: { githubTeamID: 1 },
    UpdateTeam: { member: "mel", memberAction: "add" },
    UpdateTeamStackPermissions: { permissions: 101 },
    // The old value stays valid for an hour, because the caller keeps using it.
    RotateThisToken: { overlap: 3600 },
    ReportTokenLeak: { token: "pul-0000000000000000000000000000000000000000" },
    ReportTokenLeaks: [],
    RegisterOidcIssuer: { name: "new", url: "https://new.example.com", jwks: { keys: [(await sharedKey()).jwk] } },
    UpdateOidcIssuer: { name: "renamed" },
    UpdateAuthPolicy: { policies: [allowing()] },
    TestOidcIssuer: { claims: {} },
    CreateSsoConnection: { ...connection, clientId: crypto.randomUUID() },
    UpdateSsoConnection: { name: crypto.randomUUID() },
    // Each call changes the metadata of the same provider.
    UpdateSAMLOrganization: {
      newIdpSsoDescriptor: (await SamlIdp.start()).metadata({ entityId: "https://idp.example", extra: `<!-- ${crypto.randomUUID()} -->` }),
    },
    AddSsoDomain: { domain: `${crypto.randomUUID()}.example` },
    UpdateSsoSettings: { sessionHours: 1 },
    CreateAuditStream: streamTo("new"),
    UpdateAuditStream: { name: "renamed" },
    RestartAuditStream: { from: 1 },
    UpdateAuditLogExportConfiguration: { newEnabled: false, newS3Configuration: { ...exportConfig, s3BucketName: "another-log" } },
    TestAuditLogExportConfiguration: exportConfig,
    CreateOrganizationWebhook: hookTo("new"),
    UpdateOrganizationWebhook: { ...hookTo(""), displayName: "renamed" },
    CreateStackWebhook: hookTo("new"),
    UpdateStackWebhook: { ...hookTo(""), displayName: "renamed" },
    Token: form(params["subjectToken"] ?? ""),
    CreateOrgInviteLink: { role: "member" },
    BatchCreateOrgInviteEmail: { invites: [{ email: "zoe@example.com", role: "member" }] },
    BatchCreateOrgUnverifiedInviteEmail: { invites: [{ email: "yan@example.com", role: "member" }] },
    AddOrganizationMember: { role: "member" },
    UpdateOrganizationMember: { role: "billing-manager" },
    CreateRole: reader,
    UpdateRole: { description: "Reads." },
    CreateStack: { stackName: "new" },
    AddStackTag: { name: "new", value: "" },
    UpdateStackTag: { name: "team", value: "b" },
    UpdateStackConfig: { environment: "web/dev" },
    RestoreDeletedStack: { stackName: "restoredeletedstack" },
    RenameStack: { newName: "renamed" },
    TransferStack: { toOrg: "initech" },
    TransferAllStacks: { fromOrg: "acme", toOrg: "initech" },
    ImportStack: emptyState,
    EncryptValue: { plaintext: "" },
    BatchEncryptValue: { plaintexts: [] },
    DecryptValue: { ciphertext },
    BatchDecryptValue: { ciphertexts: [ciphertext] },
    RenewUpdateLease: { token: "", duration: 300 },
    CompleteUpdate: { status: "succeeded" },
    CreateJournalEntries: { entries: [] },
    PatchUpdateCheckpoint: { isInvalid: false, ...emptyState },
    RecordEngineEvent: { sequence: 0, timestamp: 0 },
    RecordEngineEventBatch: { events: [{ sequence: 0, timestamp: 0 }] },
  };
  return bodies[operationId.split("_")[0]!] ?? {};
}

/**
 * Adds people who make no calls: a member of acme to be changed or removed, and a person to be added. It also adds an organization to which
 * stacks can be transferred.
 */
export const addPeople = () =>
  env.DB.batch([
    ...["sam", "nia"].map((login) =>
      env.DB.prepare("INSERT INTO users (id, login, name, email, created_at) VALUES (?, ?, ?, '', 0)").bind(login, login, login),
    ),
    env.DB.prepare(
      "INSERT INTO members (org_id, user_id, role, created_at) SELECT id, 'sam', 'member', 0 FROM organizations WHERE name = 'acme'",
    ),
    // The organization has another id in each world, so that a late event of an earlier world belongs to no organization of this one.
    env.DB.prepare(
      "INSERT INTO organizations (id, name, display_name, created_at) VALUES (lower(hex(randomblob(16))), 'initech', 'initech', 0)",
    ),
    env.DB.prepare(
      `INSERT INTO members (org_id, user_id, role, created_at) SELECT organizations.id, users.id, 'admin', 9e12
       FROM organizations JOIN users WHERE organizations.name = 'initech' AND login IN ('ada', 'mel', 'bill')`,
    ),
  ]);
