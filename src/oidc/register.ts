import { sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { PreconditionFailed, UniqueViolation, failUnless } from "../db/client.ts";
import { badRequest, conflict } from "../errors.ts";
import { checkDefinitions } from "./definitions.ts";
import { discover } from "./discover.ts";
import { type IssuerRow, MOST_ISSUERS, listIssuers, toIssuer, toPolicy } from "./issuer.ts";
import { keyFault, publicPart } from "./keys.ts";
import type { IssuerWithPreset } from "./openapi.ts";
import { madeBy } from "./presets.ts";
import { type RegisterIssuerRequest, USUAL_MAX_EXPIRATION } from "./schema.ts";
import { type PublicKey, oidcIssuers } from "./table.ts";
import { warningsOf } from "./warnings.ts";

/**
 * Adds an issuer. Its policy allows nothing until it is set, unless a preset makes it. The keys are those of the request, or are read from the
 * issuer now.
 * @throws 400 for an issuer that cannot be read, 409 for one that the organization already has
 */
export async function registerIssuer(
  ctx: OrgContext,
  request: z.infer<typeof RegisterIssuerRequest>,
  origin: string,
): Promise<IssuerWithPreset> {
  const { preset } = request;
  const made = preset ? madeBy(preset, ctx.org.name, origin) : undefined;
  const url = made?.url ?? request.url ?? "";
  requireUrl(url);
  const policies = made ? await checkDefinitions(ctx, url, made.policies) : [];
  const keys = keysOf(request.jwks);
  const found = keys ? { jwksUri: null, keys } : await discover(ctx, url);
  const row: IssuerRow = {
    id: crypto.randomUUID(),
    orgId: ctx.org.id,
    name: request.name,
    url,
    issuer: url,
    ...found,
    fetchedAt: ctx.now,
    triedAt: 0,
    thumbprints: request.thumbprints ?? [],
    maxExpiration: request.maxExpiration || USUAL_MAX_EXPIRATION,
    audiences: request.audiences ?? [],
    singleUse: request.singleUse ?? false,
    endsSessions: request.endsSessions ?? true,
    version: 1,
    createdAt: ctx.now,
    modifiedAt: ctx.now,
    lastUsedAt: null,
    madeWith: ctx.actor.token.id,
    disabledAt: null,
    policyId: crypto.randomUUID(),
    policies,
    policyVersion: 1,
    policyModifiedAt: ctx.now,
  };
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "oidc-issuer-registered",
    description: `Added the identity provider "${row.name}" (${row.id}) of ${url}${preset ? `, with the policy of the preset ${preset.kind} for ${preset.owner}/${preset.repository}` : ""}.`,
  });
  const isRoom = sql`(SELECT count(*) < ${MOST_ISSUERS} FROM ${oidcIssuers} WHERE ${oidcIssuers.orgId} = ${ctx.org.id})`;
  try {
    await guarded(ctx, [
      ctx.store.db.select({ holds: failUnless(isRoom) }).from(sql`(SELECT 1)`),
      ctx.store.db.insert(oidcIssuers).values(row),
      auditStatement(ctx.store, event),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation)
      throw conflict(`the organization already has an identity provider with the URL ${url.slice(0, 200)}`);
    if (error instanceof PreconditionFailed && (await listIssuers(ctx)).oidcIssuers.length >= MOST_ISSUERS)
      throw badRequest(`an organization has at most ${MOST_ISSUERS} identity providers`);
    throw error;
  }
  relaySoon(ctx, event);
  return {
    ...toIssuer(row),
    ...(made && { policy: { ...toPolicy(row), warnings: warningsOf(url, policies) }, pipeline: made.pipeline }),
  };
}

/** The URL is compared with `iss`, so it is kept as it is. `callOut` checks before each call whether the URL may be called. */
function requireUrl(url: string): void {
  if (url === "") throw badRequest("the issuer url is required");
  if (!URL.canParse(url) || !/^https?:\/\/[^\s]+$/.test(url)) throw badRequest("the url of an issuer begins with https://");
  const { search, hash, username, password } = new URL(url);
  if (search + hash + username + password !== "") throw badRequest("the url of an issuer has no query, no fragment and no user");
}

/** The keys of a request; undefined without any. @throws 400 for a key that cannot be used */
export function keysOf(jwks: { keys: Record<string, unknown>[] } | null | undefined): PublicKey[] | undefined {
  if (!jwks) return undefined;
  const fault = jwks.keys.length === 0 ? "a key set has at least one key" : jwks.keys.map(keyFault).find((one) => one !== undefined);
  if (fault) throw badRequest(fault);
  return jwks.keys.map(publicPart);
}
