import { and, eq, getTableColumns, sql } from "drizzle-orm";
import { decrypt, encrypt } from "../secrets/cipher.ts";
import { fromBase64url, toBase64url } from "../bytes/base64.ts";
import type { OrganizationRef, RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { organizations } from "../orgs/table.ts";
import { deploymentProviders } from "./deployment.ts";
import { type ConnectionKind, type GroupMapping, type SamlSettings, connections, type firstRoles } from "./table.ts";

/** An identity provider that people can sign in through: a connection of an organization, or one of the deployment. */
export interface Provider {
  /** The id of the connection, or `deployment-NAME`. */
  id: string;
  /** The organization whose people sign in; null for a provider of the deployment. */
  org: OrganizationRef | null;
  kind: ConnectionKind;
  name: string;
  issuer: string;
  clientId: string;
  allowedDomains: string[];
  firstRole: (typeof firstRoles)[number];
  groupClaim: string;
  groupScope: string;
  groupMappings: GroupMapping[];
  /** Milliseconds after which a session that the provider opened ends. Undefined: it ends as a session of a personal token does. */
  longestSession?: number;
  /** Of a provider by SAML. */
  saml: SamlSettings | null;
  version: number;
  clientSecret: () => Promise<string>;
}

const HOUR = 3_600_000;
/** The purpose of the ciphertext: the key of a stack has the stack's id in its place. */
export const purposeOf = (connectionId: string) => `connection:${connectionId}`;

export async function sealSecret(env: RequestContext["env"], connectionId: string, secret: string): Promise<string> {
  return toBase64url(await encrypt(env.ENCRYPTION_KEYS, purposeOf(connectionId), new TextEncoder().encode(secret)));
}

async function openSecret(env: RequestContext["env"], connectionId: string, sealed: string): Promise<string> {
  try {
    return new TextDecoder().decode(await decrypt(env.ENCRYPTION_KEYS, purposeOf(connectionId), fromBase64url(sealed)));
  } catch {
    throw new AppError(
      409,
      "The client secret of this connection was encrypted with a master key that the server does not have any more. An administrator has to set the secret again.",
    );
  }
}

/** The enabled connections of an organization, the oldest first. An unknown organization has none. */
export async function providersOf(ctx: Pick<RequestContext, "env" | "store">, orgName: string): Promise<Provider[]> {
  const [rows] = await batch(ctx.store, [
    ctx.store.db
      .select({
        ...getTableColumns(connections),
        orgName: sql<string>`organizations.name`.as("org_name"),
        hours: organizations.ssoSessionHours,
      })
      .from(connections)
      .innerJoin(organizations, eq(organizations.id, connections.orgId))
      .where(and(eq(organizations.name, orgName), eq(connections.enabled, true)))
      .orderBy(connections.createdAt, connections.id),
  ]);
  return rows.map(({ orgName: name, hours, ...connection }) => ({
    ...connection,
    org: { id: connection.orgId, name },
    longestSession: hours * HOUR,
    clientSecret: () => openSecret(ctx.env, connection.id, connection.clientSecret),
  }));
}

/** @returns undefined for an unknown or disabled one. @param orgName null for a provider of the deployment */
export async function findProvider(
  ctx: Pick<RequestContext, "env" | "store">,
  orgName: string | null,
  id: string,
): Promise<Provider | undefined> {
  const all = orgName === null ? deploymentProviders(ctx.env) : await providersOf(ctx, orgName);
  return all.find((provider) => provider.id === id);
}
