import { and, eq, sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditStatement } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { settingsOf } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { badRequest } from "../errors.ts";
import { members, organizations } from "../orgs/table.ts";
import { changeEvent } from "./connections.ts";
import type { SsoSettings } from "./openapi.ts";
import type { UpdateSsoSettingsRequest } from "./schema.ts";

/** The requirement can be switched on this long after the caller's own sign-in through a connection, which shows that it works. Milliseconds. */
const FRESH = 10 * 60_000;

const read = (ctx: OrgContext) =>
  [
    ctx.store.db
      .select({ required: organizations.ssoRequired, reauthDays: organizations.ssoReauthDays, sessionHours: organizations.ssoSessionHours })
      .from(organizations)
      .where(eq(organizations.id, ctx.org.id)),
    ctx.store.db
      .select({
        userId: members.userId,
        login: sql<string>`(SELECT login FROM users WHERE users.id = members.user_id)`.as("admin_login"),
        isEmergency: members.isBreakGlass,
        isAccepted: sql<number>`members.accepted_at IS NOT NULL`.as("is_accepted"),
      })
      .from(members)
      .where(and(eq(members.orgId, ctx.org.id), eq(members.role, "admin")))
      .orderBy(members.createdAt, members.userId),
  ] as const;

type Admin = { userId: string; login: string; isEmergency: boolean; isAccepted: number };

const toSettings = (row: Omit<SsoSettings, "emergencyAdmins">, admins: Admin[]): SsoSettings => ({
  ...row,
  emergencyAdmins: admins.filter(({ isEmergency }) => isEmergency).map(({ login }) => login),
});

export async function getSsoSettings(ctx: OrgContext): Promise<SsoSettings> {
  const [orgs, admins] = await guarded(ctx, [...read(ctx)]);
  return toSettings(orgs[0]!, admins);
}

/**
 * Changes what the organization requires of sign-ins. Guards compare the version of the settings, so the change holds for every later write.
 * @throws 400 for what would shut out the administrators
 */
export async function updateSsoSettings(ctx: OrgContext, request: z.infer<typeof UpdateSsoSettingsRequest>): Promise<SsoSettings> {
  const signedIn = ctx.store.db
    .select({
      recent: sql<number>`EXISTS (SELECT 1 FROM identities JOIN connections ON connections.id = identities.connection_id
        WHERE identities.org_id = ${ctx.org.id} AND connections.enabled AND user_id = ${ctx.actor.kind === "user" ? ctx.actor.user.id : ""}
          AND last_sign_in_at > ${ctx.now - FRESH})`.as("recent"),
    })
    .from(sql`(SELECT 1)`);
  const [orgs, admins, recent] = await guarded(ctx, [...read(ctx), signedIn]);
  const { emergencyAdmins, ...others } = request;
  const before = toSettings(orgs[0]!, admins);
  const wanted = new Set((emergencyAdmins ?? before.emergencyAdmins).map((login) => login.toLowerCase()));
  const chosen = admins.map((admin) => ({ ...admin, isEmergency: wanted.has(admin.login.toLowerCase()) }));
  const stranger = [...wanted].find((login) => !admins.some((admin) => admin.login.toLowerCase() === login));
  if (stranger !== undefined) throw badRequest(`${stranger.slice(0, 100)} is not an administrator of the organization`);
  const after = toSettings(
    { ...before, ...Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined)) } as SsoSettings,
    chosen,
  );
  if (after.required !== "off") {
    if (!chosen.some(({ isEmergency, isAccepted }) => isEmergency && isAccepted === 1))
      throw badRequest("name at least one emergency administrator first, who can sign in when the identity provider fails");
    if (before.required === "off" && !recent[0]!.recent)
      throw badRequest(
        "sign in through a connection of the organization first: within ten minutes after that, you can require it of everybody",
      );
  }
  const changes = (Object.keys(after) as (keyof SsoSettings)[]).filter(
    (name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]),
  );
  if (changes.length === 0) return before;
  const event = changeEvent(
    ctx,
    `Changed ${changes.map((name) => `${name} from ${JSON.stringify(before[name])} to ${JSON.stringify(after[name])}`).join("; ")}.`,
  );
  // The guard compares the version, so the settings and the administrators that are changed are those that were read.
  await guarded(ctx, [
    ctx.store.db
      .update(organizations)
      .set({
        ssoRequired: after.required,
        ssoReauthDays: after.reauthDays,
        ssoSessionHours: after.sessionHours,
        settingsVersion: settingsOf(ctx).version + 1,
      })
      .where(eq(organizations.id, ctx.org.id)),
    ctx.store.db
      .update(members)
      .set({
        isBreakGlass: sql`${members.userId} IN (SELECT value FROM json_each(${JSON.stringify(chosen.filter(({ isEmergency }) => isEmergency).map(({ userId }) => userId))}))`,
      })
      .where(eq(members.orgId, ctx.org.id)),
    auditStatement(ctx.store, event),
  ]);
  relaySoon(ctx, event);
  return after;
}
