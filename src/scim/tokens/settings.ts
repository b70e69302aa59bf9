import { eq, sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { auditEvent, auditStatement, whoIs } from "../../audit/record.ts";
import { relaySoon } from "../../audit/relaySoon.ts";
import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { scimSettings } from "../table.ts";
import type { ScimService } from "../openapi.ts";
import type { UpdateScimSettingsRequest } from "./schema.ts";

const defaults = { restoresTokens: false, deletesTeams: false };
type Name = keyof typeof defaults;

/** Returns the address of the organization's SCIM service, its settings, and how many people and groups it has. */
export async function getScim(ctx: OrgContext, origin: string): Promise<ScimService> {
  const { db } = ctx.store;
  const count = (table: "scim_users" | "scim_groups") =>
    sql<number>`(SELECT count(*) FROM ${sql.raw(table)} WHERE org_id = ${ctx.org.id} AND deleted_at IS NULL)`;
  const [settings, numbers] = await guarded(ctx, [
    db
      .select({ restoresTokens: scimSettings.restoresTokens, deletesTeams: scimSettings.deletesTeams })
      .from(scimSettings)
      .where(eq(scimSettings.orgId, ctx.org.id)),
    db.select({ users: count("scim_users").as("users"), groups: count("scim_groups").as("groups") }).from(sql`(SELECT 1)`),
  ]);
  return { url: `${origin}/scim/v2/${encodeURIComponent(ctx.org.name)}`, ...defaults, ...settings[0], ...numbers[0]! };
}

/** Changes the settings; absent ones stay. */
export async function updateScim(
  ctx: OrgContext,
  request: z.infer<typeof UpdateScimSettingsRequest>,
  origin: string,
): Promise<ScimService> {
  const before = await getScim(ctx, origin);
  const changed = (Object.keys(defaults) as Name[]).filter((name) => (request[name] ?? before[name]) !== before[name]);
  if (changed.length === 0) return before;
  const after = {
    restoresTokens: request.restoresTokens ?? before.restoresTokens,
    deletesTeams: request.deletesTeams ?? before.deletesTeams,
  };
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "organization-settings-changed",
    description: `Changed ${changed.map((name) => `${name} of SCIM from ${before[name]} to ${after[name]}`).join("; ")}.`,
  });
  await guarded(ctx, [
    ctx.store.db
      .insert(scimSettings)
      .values({ orgId: ctx.org.id, ...after })
      .onConflictDoUpdate({ target: scimSettings.orgId, set: after }),
    auditStatement(ctx.store, event),
  ]);
  relaySoon(ctx, event);
  return { ...before, ...after };
}
