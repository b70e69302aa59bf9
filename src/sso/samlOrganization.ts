import type * as z from "zod/mini";
import type { OrgContext } from "../context.ts";
import { AppError } from "../errors.ts";
import { createConnection, readAll, updateConnection } from "./connections.ts";
import type { SamlOrganization } from "./openapi.ts";
import { NO_SAML } from "./saml.ts";
import type { UpdateSamlOrganizationRequest } from "./schema.ts";

/** The operations of the public contract on SAML. They mean the organization's oldest connection by SAML. */

const found = async (ctx: OrgContext) => (await readAll(ctx)).rows.find(({ saml }) => saml);

/** @throws 404 without the second Worker */
export async function getSamlOrganization(ctx: OrgContext): Promise<SamlOrganization> {
  if (!ctx.env.SAML) throw new AppError(404, NO_SAML);
  const { name } = ctx.org;
  const organization = { githubLogin: name, name, avatarUrl: "", repos: [] };
  const row = await found(ctx);
  if (!row?.saml) return { organization, idpSsoDescriptor: "" };
  const { metadata, ssoUrl, validUntil, nameIdFormats } = row.saml;
  return {
    organization,
    idpSsoDescriptor: metadata,
    entityId: row.issuer,
    ssoUrl,
    validUntil: new Date(validUntil).toISOString(),
    ...(nameIdFormats[0] !== undefined && { nameIdFormat: nameIdFormats[0] }),
  };
}

/** @throws 400 for metadata that cannot be used, 404 without the second Worker */
export async function updateSamlOrganization(
  ctx: OrgContext,
  { newIdpSsoDescriptor: metadata }: z.infer<typeof UpdateSamlOrganizationRequest>,
  origin: string,
): Promise<SamlOrganization> {
  if (!ctx.env.SAML) throw new AppError(404, NO_SAML);
  if (!metadata) throw new AppError(400, "NewIDPSSODescriptor is required.");
  const row = await found(ctx);
  if (row) await updateConnection(ctx, row.id, { metadata }, origin);
  else await createConnection(ctx, { name: "SAML", kind: "saml", metadata }, origin);
  return getSamlOrganization(ctx);
}
