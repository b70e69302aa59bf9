import { env } from "cloudflare:workers";
import { SignJWT } from "jose/jwt/sign";
import { exportJWK } from "jose/key/export";
import { generateKeyPair } from "jose/key/generate/keypair";
import type { PolicyDefinition } from "../../../src/oidc/table.ts";
import type { Document } from "../../support/document.ts";
import { type Call, call, ok } from "../../support/client.ts";
import type { World } from "../../support/world.ts";

export type Claims = Record<string, unknown>;
export const AUDIENCE = "urn:pulumi:org:acme";

/** The keys of an identity provider, and tokens that it signs. */
export interface SigningKey {
  jwk: Record<string, unknown>;
  sign: (claims: Claims, header?: Record<string, unknown>) => Promise<string>;
}

export async function newKey(kid: string | undefined = crypto.randomUUID(), alg = "RS256"): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    jwk: { ...(await exportJWK(publicKey)), ...(kid !== undefined && { kid }), alg, use: "sig" },
    sign: (claims, header = {}) =>
      new SignJWT(claims).setProtectedHeader({ alg, ...(kid !== undefined && { kid }), ...header }).sign(privateKey),
  };
}

/** Most tests share one key, because making a key takes a moment. */
let shared: Promise<SigningKey> | undefined;
export const sharedKey = () => (shared ??= newKey("shared"));

export const nowInSeconds = () => Math.floor(Date.now() / 1000);

/** The claims that every good token has. */
export const goodClaims = (iss: string, more: Claims = {}): Claims => ({
  iss,
  aud: AUDIENCE,
  sub: "repo:acme/shop:ref:refs/heads/main",
  iat: nowInSeconds() - 5,
  exp: nowInSeconds() + 300,
  ...more,
});

export interface Idp {
  id: string;
  url: string;
  policyId: string;
  token: (claims?: Claims, header?: Record<string, unknown>) => Promise<string>;
}

export const allowing = (more: Partial<PolicyDefinition> = {}): PolicyDefinition => ({
  decision: "allow",
  tokenType: "organization",
  authorizedPermissions: [],
  rules: { sub: "repo:acme/shop:*" },
  ...more,
});

/** An identity provider of acme with registered keys. */
export async function newIdp(world: World, policies: PolicyDefinition[] = [allowing()], more: Record<string, unknown> = {}): Promise<Idp> {
  const key = await sharedKey();
  const url = `https://idp-${crypto.randomUUID()}.example.com`;
  const json = { name: "ci", url, jwks: { keys: [key.jwk] }, ...more };
  const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/oidc/issuers", { token: world.admin, json });
  const { id: policyId } = await ok<{ id: string }>("GET", `/api/orgs/acme/auth/policies/oidcissuers/${id}`, { token: world.admin });
  if (policies.length > 0) await setPolicies(world, policyId, policies);
  return { id, url, policyId, token: (claims = {}, header) => key.sign(goodClaims(url, claims), header) };
}

export const setPolicies = (world: World, policyId: string, policies: unknown[]) =>
  ok<{ warnings: { policy: number; message: string }[] }>("PATCH", `/api/orgs/acme/auth/policies/${policyId}`, {
    token: world.admin,
    json: { policies },
  });

const TYPE = "urn:pulumi:token-type:access_token:";

/** The form of an exchange, as the CLI sends it. */
export const form = (subjectToken: string, more: Record<string, string> = {}) => ({
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  audience: AUDIENCE,
  subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
  subject_token: subjectToken,
  requested_token_type: `${TYPE}organization`,
  scope: "",
  expiration: "7200",
  ...more,
});
export const ofTeam = (name: string) => ({ requested_token_type: `${TYPE}team`, scope: `team:${name}` });
export const ofPerson = (login: string) => ({ requested_token_type: `${TYPE}personal`, scope: `user:${login}` });

const asForm = (fields: Record<string, string>): Call => ({
  body: new URLSearchParams(fields).toString(),
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
});

export const exchange = (subjectToken: string, more: Record<string, string> = {}) =>
  call("POST", "/api/oauth/token", asForm(form(subjectToken, more)));

export interface Exchanged {
  access_token: string;
  issued_token_type: string;
  token_type: string;
  expires_in: number;
  scope: string;
}

export const exchanged = (subjectToken: string, more: Record<string, string> = {}) =>
  ok<Exchanged>("POST", "/api/oauth/token", asForm(form(subjectToken, more)));

/** The error of an exchange that is refused. */
export async function notExchanged(subjectToken: string, more: Record<string, string> = {}) {
  const response = await exchange(subjectToken, more);
  return { status: response.status, ...(await response.json<{ error: string; error_description: string }>()) };
}

const { DOCUMENTS } = env as unknown as { DOCUMENTS: string };

/** An identity provider in memory that publishes its keys. */
export class PublishingIdp {
  readonly url = `${DOCUMENTS}/${crypto.randomUUID()}`;

  async publish(keys: unknown[], discovery: Record<string, unknown> = {}): Promise<void> {
    await this.put("/.well-known/openid-configuration", {
      body: JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/keys`, ...discovery }),
    });
    await this.put("/keys", { body: JSON.stringify({ keys }) });
  }

  async put(path: string, document: Document): Promise<void> {
    await fetch(this.url + path, { method: "PUT", body: JSON.stringify(document) });
  }

  /** Number of times that the keys were read. */
  async reads(): Promise<number> {
    return Number(await (await fetch(`${this.url}/keys?count`)).text());
  }
}
