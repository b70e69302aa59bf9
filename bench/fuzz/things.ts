/** Objects of an organization that are not about stacks' history: teams, roles, identity providers, streams, webhooks, single sign-on. */
import { SignJWT } from "jose/jwt/sign";
import { exportJWK } from "jose/key/export";
import { generateKeyPair } from "jose/key/generate/keypair";

type Send = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** Values by parameter, and tokens from an exchange. */
export interface Things {
  known: Record<string, string[]>;
  /** Values of access tokens. */
  exchanged: { organization: string; person: string; limitedPerson: string };
  teamToken: string;
}

/** A destination that is not there. The built Worker reaches no network. */
const NOWHERE = "http://localhost:1";

/**
 * @param mark a text that all of the data contains
 * @param admin login of the administrator whose token `send` uses
 * @param member login of a member, if there is one
 */
export async function makeThings(org: string, send: Send, mark: string, admin: string, member?: string): Promise<Things> {
  const ORG = `/api/orgs/${org}`;
  const S = `/api/stacks/${org}/web/dev`;
  const idOf = async (path: string, body: unknown) => ((await send("POST", path, body)) as { id: string }).id;
  await send("POST", `${ORG}/teams/pulumi`, { name: "ops", displayName: mark, description: mark });
  const details = { __type: "PermissionDescriptorAllow", permissions: ["stack:read"] };
  const roleID = await idOf(`${ORG}/roles`, { name: "reader", description: mark, details });
  await send("POST", `${ORG}/teams/ops/roles/${roleID}`);
  if (member) await send("PATCH", `${ORG}/teams/ops`, { member, memberAction: "add" });
  await send("PATCH", `${ORG}/teams/ops`, { addStackPermission: { projectName: "web", stackName: "dev", permission: 103 } });
  const ofTeam = (await send("POST", `${ORG}/teams/ops/tokens`, { name: "of-ops", description: mark })) as {
    id: string;
    tokenValue: string;
  };
  const streamId = await idOf(`${ORG}/audit-streams`, {
    name: mark,
    from: "now",
    destination: { kind: "splunk", url: NOWHERE, token: "t" },
  });
  const hook = { organizationName: org, displayName: mark, payloadUrl: NOWHERE, active: true, filters: ["deployment_failed"] };
  await send("POST", `${ORG}/hooks`, { ...hook, name: "hook" });
  await send("POST", `${S}/hooks`, { ...hook, name: "hook" });
  const event = await idOf(`${ORG}/hooks/hook/ping`, undefined);
  const ofStack = await idOf(`${S}/hooks/hook/ping`, undefined);
  const connectionId = await idOf(`${ORG}/sso/connections`, { kind: "github", name: mark, clientId: mark, clientSecret: "s" });
  // Requests name it, so it has no mark.
  const domain = `of-${org}.example`;
  await send("POST", `${ORG}/sso/domains`, { domain });
  await send("POST", `/api/stacks/${org}/web`, { stackName: "gone", tags: { note: mark } });
  const { id: programID } = (await send("GET", `/api/stacks/${org}/web/gone`)) as { id: string };
  await send("DELETE", `/api/stacks/${org}/web/gone`);
  const provider = await newProvider(org, send, mark, admin);
  return {
    exchanged: provider.exchanged,
    teamToken: ofTeam.tokenValue,
    known: {
      ...provider.known,
      teamName: ["ops"],
      roleID: [roleID, "member", "admin", "read-only"],
      streamId: [streamId],
      hookName: ["hook"],
      event: [event, ofStack],
      connectionId: [connectionId],
      domain: [domain],
      programID: [programID],
      tokenId: [ofTeam.id],
      user: [admin, ...(member ? [member] : [])],
      userName: [admin, ...(member ? [member] : [])],
      day: [new Date().toISOString().slice(0, 10)],
    },
  };
}

/** An identity provider of the organization, and tokens that were exchanged for what it signed. */
async function newProvider(org: string, send: Send, mark: string, admin: string) {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const issuer = `https://${mark}.example.com`;
  const { id } = (await send("POST", `/api/orgs/${org}/oidc/issuers`, {
    name: mark.slice(0, 32),
    url: issuer,
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "ES256", use: "sig" }] },
  })) as { id: string };
  const { id: policyId } = (await send("GET", `/api/orgs/${org}/auth/policies/oidcissuers/${id}`)) as { id: string };
  const allow = { decision: "allow", authorizedPermissions: [] };
  const ofPerson = { ...allow, tokenType: "personal", userLogin: admin };
  await send("PATCH", `/api/orgs/${org}/auth/policies/${policyId}`, {
    policies: [
      { ...allow, tokenType: "organization", rules: { sub: "ci" } },
      { ...ofPerson, rules: { sub: "ci" } },
      { ...ofPerson, rules: { sub: "limited" }, stacks: [{ project: "web", stack: "dev" }] },
    ],
  });
  const exchange = async (sub: string, kind: string, scope: string) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: `urn:pulumi:org:${org}`, sub, iat: now, exp: now + 600, jti: crypto.randomUUID() };
    const answer = await send("POST", "/api/oauth/token", {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      audience: `urn:pulumi:org:${org}`,
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
      subject_token: await new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "k" }).sign(privateKey),
      requested_token_type: `urn:pulumi:token-type:access_token:${kind}`,
      scope,
    });
    return (answer as { access_token: string }).access_token;
  };
  const person = `user:${admin}`;
  return {
    known: { issuerId: [id], policyId: [policyId] },
    exchanged: {
      organization: await exchange("ci", "organization", ""),
      person: await exchange("ci", "personal", person),
      limitedPerson: await exchange("limited", "personal", person),
    },
  };
}
