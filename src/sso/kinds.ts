import type * as z from "zod/mini";
import type { OrgContext } from "../context.ts";
import { badRequest } from "../errors.ts";
import { addressFault, isLocal } from "../http/outgoing.ts";
import { readDiscovery } from "../oidc/discover.ts";
import { GITHUB } from "./deployment.ts";
import { readSamlMetadata } from "./saml.ts";
import { samlMetadataUrlFor } from "./samlTexts.ts";
import type { CreateConnectionRequest } from "./schema.ts";
import type { SamlSettings, connections } from "./table.ts";

/** The settings that each kind of connection needs: OpenID Connect and GitHub a client with a secret, SAML the metadata of the provider. */

type CreateRequest = z.infer<typeof CreateConnectionRequest>;
interface KindParts {
  issuer: string;
  clientId: string;
  clientSecret: string;
  saml: SamlSettings | null;
}

/** @throws 400 for an issuer that cannot be read, or a member that only a connection by SAML has */
export async function oauthParts(
  ctx: OrgContext,
  { kind, issuer: sent, clientId, clientSecret, ...request }: CreateRequest,
): Promise<KindParts> {
  const issuer = kind === "github" ? (sent ?? GITHUB).replace(/\/$/, "") : (sent ?? "");
  if (issuer === "") throw badRequest("the issuer is required");
  if (clientId === undefined) throw badRequest("the client id is required");
  if (clientSecret === undefined) throw badRequest("the client secret is required");
  refuseSaml(request);
  requireAddress(ctx, issuer);
  if (kind !== "github") await readDiscovery(ctx, issuer);
  return { issuer, clientId, clientSecret, saml: null };
}

/** @throws 400 for metadata that cannot be used, or a member that a connection by SAML does not have, 404 without the second Worker */
export async function samlParts(
  ctx: OrgContext,
  { issuer: sent, clientId, metadata, idpInitiated = false, ...request }: CreateRequest,
  origin: string,
): Promise<KindParts> {
  refuseOAuth(request);
  if (metadata === undefined) throw badRequest("the metadata of the identity provider are required");
  const { issuer, ...read } = await readSamlMetadata(ctx, metadata);
  if (sent !== undefined && sent !== issuer) throw badRequest("the metadata are those of another issuer");
  requireBrowserAddress(ctx, read.ssoUrl);
  return {
    issuer,
    clientId: clientId ?? samlMetadataUrlFor(ctx.org.name, origin),
    clientSecret: "",
    saml: { ...read, metadata, idpInitiated },
  };
}

type SentParts = Pick<CreateRequest, "clientSecret" | "groupScope" | "metadata" | "idpInitiated">;

export function refuseSaml({ metadata, idpInitiated }: SentParts): void {
  if (metadata !== undefined || idpInitiated !== undefined)
    throw badRequest("only a connection of the kind saml has metadata, and can let the provider begin a sign-in");
}

export function refuseOAuth({ clientSecret, groupScope }: SentParts): void {
  if (clientSecret !== undefined || groupScope) throw badRequest("a connection of the kind saml has no client secret and no scope");
}

/** The settings of a connection by SAML after a change. @throws 400 for the metadata of another provider */
export async function changedSaml(
  ctx: OrgContext,
  before: Pick<typeof connections.$inferSelect, "issuer" | "saml">,
  { metadata, idpInitiated }: SentParts,
): Promise<SamlSettings | null> {
  if (!before.saml) return null;
  const saml = { ...before.saml, ...(idpInitiated !== undefined && { idpInitiated }) };
  if (metadata === undefined || metadata === saml.metadata) return saml;
  const { issuer, ...read } = await readSamlMetadata(ctx, metadata);
  if (issuer !== before.issuer)
    throw badRequest(
      "the metadata are those of another identity provider: add a new connection for it, because people's identities belong to the issuer",
    );
  requireBrowserAddress(ctx, read.ssoUrl);
  return { ...saml, ...read, metadata };
}

/** The browser goes there, and this server does not. @throws 400 */
function requireBrowserAddress(ctx: OrgContext, address: string): void {
  if (!address.startsWith("https://") && !isLocal(ctx.env))
    throw badRequest("the address for sign-in requests in the metadata must begin with https://");
}

/** Whether it may be called is checked before each call as well. */
function requireAddress(ctx: OrgContext, issuer: string): void {
  const fault = addressFault(new URL(issuer), isLocal(ctx.env));
  if (fault) throw badRequest(`the issuer cannot be used: ${fault}`);
}

export function samlInWords(before: SamlSettings, after: SamlSettings): string {
  const certificates = (settings: SamlSettings) =>
    `${settings.certificates.length} certificates until ${new Date(settings.validUntil).toISOString()}`;
  return [
    ...(before.metadata === after.metadata
      ? []
      : [`the metadata from ${certificates(before)} to ${certificates(after)}, with the address ${after.ssoUrl.slice(0, 300)}`]),
    ...(before.idpInitiated === after.idpInitiated ? [] : [`idpInitiated from ${before.idpInitiated} to ${after.idpInitiated}`]),
  ].join("; ");
}
