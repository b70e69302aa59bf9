import { eq } from "drizzle-orm";
import * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { isAllowedFrom, meetsExpiryPolicy } from "../auth/limits.ts";
import { parseNetwork } from "../auth/network.ts";
import { mayGiveEverything, membershipOf } from "../auth/policy.ts";
import { lacking, requireRight } from "../auth/right.ts";
import type { OrgContext } from "../context.ts";
import { badRequest } from "../errors.ts";
import { fixedSettings } from "./fixedSettings.ts";
import { list, text } from "../http/bounded.ts";
import { metadataOf, toMetadata } from "./metadata.ts";
import { inFlightRevocations, organizations, stackPermissions } from "./table.ts";

/** 0 clears a setting, as in the contract of the expiry policy; absent or null leaves it unchanged. */
const days = (most: number) => z.nullish(z.int().check(z.minimum(0), z.maximum(most)));
const toggle = z.nullish(z.boolean());
const MAX_ENTRIES = 100;

const network = z.pipe(
  z.pipe(
    text(50),
    z.transform((written) => (written.includes("/") ? written : `${written}${written.includes(":") ? "/128" : "/32"}`)),
  ),
  z.string().check(z.refine((written) => parseNetwork(written) !== undefined, "not an address range like 192.0.2.0/24 or 2001:db8::/32")),
);
const country = text(2, "a country has two letters (ISO 3166)").check(
  z.toUpperCase(),
  z.regex(/^[A-Z][A-Z0-9]$/, "a country has two letters (ISO 3166)"),
);

/** management-api §4.2. */
export const UpdateOrganizationRequest = z.object({
  ...fixedSettings,
  setDefaultStackPermission: z.nullish(
    z.literal([stackPermissions.none, stackPermissions.read, stackPermissions.write, stackPermissions.admin]),
  ),
  setMembersCanCreateStacks: toggle,
  setMembersCanDeleteStacks: toggle,
  setMembersCanTransferStacks: toggle,
  setMaxAccessTokenExpiryDays: days(3650),
  // The following settings are ours.
  setInFlightRevocation: z.nullish(z.enum(inFlightRevocations)),
  setMaxDrainHours: z.nullish(z.int().check(z.minimum(1), z.maximum(8760))),
  setAuditRetentionDays: days(36_500),
  setDisableUnusedTokensAfterDays: days(3650),
  setAllowedCidrs: z.nullish(list(network, MAX_ENTRIES)),
  setAllowedCountries: z.nullish(list(country, MAX_ENTRIES)),
  /** Allows a policy on expiry that refuses the token of this very request. */
  force: toggle,
});

type Request = z.infer<typeof UpdateOrganizationRequest>;

/** The column that each member of the request sets. */
const columns = {
  setDefaultStackPermission: "defaultStackPermission",
  setMembersCanCreateStacks: "membersCanCreateStacks",
  setMembersCanDeleteStacks: "membersCanDeleteStacks",
  setMembersCanTransferStacks: "membersCanTransferStacks",
  setMaxAccessTokenExpiryDays: "maxTokenExpiryDays",
  setInFlightRevocation: "inFlightRevocation",
  setMaxDrainHours: "maxDrainHours",
  setAuditRetentionDays: "auditRetentionDays",
  setDisableUnusedTokensAfterDays: "disableUnusedTokensAfterDays",
  setAllowedCidrs: "allowedCidrs",
  setAllowedCountries: "allowedCountries",
} as const satisfies Record<Exclude<keyof Request, "force" | keyof typeof fixedSettings>, keyof typeof organizations.$inferSelect>;

/** Settings that restrict access or end credentials: with these a machine could lock out the administrators who could revoke it. */
const ofAccess: ReadonlySet<Name> = new Set([
  "setMaxAccessTokenExpiryDays",
  "setInFlightRevocation",
  "setMaxDrainHours",
  "setDisableUnusedTokensAfterDays",
  "setAllowedCidrs",
  "setAllowedCountries",
]);

/** Settings that give rights to members, and so to tokens of teams: only an administrator gives rights that the caller may not have. */
const ofRights: ReadonlySet<Name> = new Set([
  "setDefaultStackPermission",
  "setMembersCanCreateStacks",
  "setMembersCanDeleteStacks",
  "setMembersCanTransferStacks",
]);

type Name = keyof typeof columns;
type Value = string | number | boolean | string[] | null;

/**
 * Changes the organization's settings. A caller who was authorized under the old settings is authorized again at the next write, export or
 * decryption; reads from the cache follow within 60 seconds.
 */
export async function updateOrganizationSettings(ctx: OrgContext, request: Request) {
  const wanted = (Object.keys(columns) as Name[]).flatMap((name) => {
    const value = request[name];
    return value === undefined || value === null ? [] : [{ name, value: name.endsWith("Days") ? value || null : value }];
  });
  const [rows] = await guarded(ctx, [metadataOf(ctx)]);
  const before = rows[0]!;
  const changes = wanted
    .map(({ name, value }) => ({ name, from: before[columns[name]], to: value }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to));
  if (changes.length === 0) return toMetadata(ctx, before);
  if (changes.some(({ name }) => ofAccess.has(name))) await requireRight(ctx, "organization:set_access");
  if (changes.some(({ name }) => ofRights.has(name)) && !mayGiveEverything(ctx.actor, membershipOf(ctx)))
    throw await lacking(ctx, "organization:set_access");
  const after = { ...before, ...Object.fromEntries(changes.map(({ name, to }) => [columns[name], to])) };
  if (changes.some(({ name }) => name.startsWith("setAllowed")) && !isAllowedFrom(after, ctx))
    throw badRequest("these networks and countries would block the address of this request");
  const setsExpiry = changes.some(({ name }) => name === "setMaxAccessTokenExpiryDays");
  if (setsExpiry && !request.force && !meetsExpiryPolicy(ctx.actor.limits, after.maxTokenExpiryDays, ctx.now))
    throw shutsOutCaller(after.maxTokenExpiryDays);

  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "organization-settings-changed",
    description: `Changed ${changes.map(inWords).join("; ")}.`,
  });
  // Both guards compare the version, so the settings that are changed are those that were read.
  const [, , changed] = await guarded(ctx, [
    ctx.store.db
      .update(organizations)
      .set({ ...Object.fromEntries(changes.map(({ name, to }) => [columns[name], to])), settingsVersion: before.version + 1 })
      .where(eq(organizations.id, ctx.org.id)),
    auditStatement(ctx.store, event),
    metadataOf(ctx),
  ]);
  relaySoon(ctx, event);
  return toMetadata(ctx, changed[0]!);
}

/** Only another token could then undo the policy. */
const shutsOutCaller = (days: number | null) =>
  badRequest(
    `a maximum of ${days} days would refuse the access token of this request, which expires later: the organization would refuse all its later calls. Use a token that expires within ${days} days, or send "force": true`,
  );

const permissionNames = Object.fromEntries(Object.entries(stackPermissions).map(([name, value]) => [value, name]));

/** `inFlightRevocation from drain to abort` */
function inWords({ name, from, to }: { name: Name; from: Value; to: Value }): string {
  const say = (value: Value) => {
    if (name === "setDefaultStackPermission") return permissionNames[Number(value)] ?? String(value);
    if (Array.isArray(value)) return value.length === 0 ? "none" : value.join(", ");
    return value === null ? "none" : String(value);
  };
  return `${name[3]!.toLowerCase()}${name.slice(4)} from ${say(from)} to ${say(to)}`;
}
