import * as z from "zod/mini";
import { type EventName, displayNameOf, eventTypes, flagsOf } from "../audit/events.ts";
import { getCheckpoint, listCheckpoints, publicKeys } from "../audit/checkpoint.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { cursor, text, queryNumber } from "../http/bounded.ts";
import { fromCursor, page } from "../http/pagination.ts";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { exportAuditEvents } from "./export.ts";
import { listAuditEvents } from "./list.ts";
import { ExportQuery, ListQuery, versionOne, versionTwo } from "./schema.ts";
import { verifyChain } from "./verify.ts";

const params = z.object({ orgName });
const permission = "audit_logs:read";
const NO_DAY = "a day has the format YYYY-MM-DD";
const dayOfLog = text(10, NO_DAY).check(z.regex(/^\d{4}-\d\d-\d\d$/, NO_DAY));
const sequence = z.optional(queryNumber(1, Number.MAX_SAFE_INTEGER));
/** Number of checkpoints on a page: each is one read of R2. */
const CHECKPOINTS = 31;

export const auditLogRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs",
      operationId: "ListAuditLogEventsHandlerV1",
      permission,
      params,
      query: ListQuery,
    },
    (ctx, { query }) => listAuditEvents(ctx, versionOne(ctx.org.name, query)),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/v2",
      operationId: "ListAuditLogEventsHandlerV2",
      permission,
      params,
      query: ListQuery,
    },
    (ctx, { query }) => listAuditEvents(ctx, versionTwo(ctx.org.name, query)),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/export",
      operationId: "ExportAuditLogEventsHandlerV1",
      permission: "audit_logs:export",
      params,
      query: ExportQuery,
    },
    (ctx, { query, request }) => exportAuditEvents(ctx, versionOne(ctx.org.name, query), query.format, request),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/v2/export",
      operationId: "ExportAuditLogEventsHandlerV2",
      permission: "audit_logs:export",
      params,
      query: ExportQuery,
    },
    (ctx, { query, request }) => exportAuditEvents(ctx, versionTwo(ctx.org.name, query), query.format, request),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/event-types",
      operationId: "ListAuditLogEventTypes",
      permission,
      params,
      extension: true,
    },
    async () => ({ eventTypes: allEventTypes }),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/reader-kind",
      operationId: "GetAuditLogsReaderKind",
      permission,
      params,
    },
    async () => "MySQL",
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/verify",
      operationId: "VerifyAuditLogs",
      permission,
      params,
      query: z.object({ from: sequence, to: sequence, continuationToken: cursor }),
      extension: true,
    },
    (ctx, { query }) => verifyChain(ctx, query),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/checkpoints",
      operationId: "ListAuditLogCheckpoints",
      permission,
      params,
      query: z.object({ continuationToken: cursor }),
      extension: true,
    },
    async (ctx, { query }) => {
      const [after] = fromCursor(query.continuationToken, z.tuple([dayOfLog])) ?? [""];
      const found = await checked(ctx, listCheckpoints(ctx.env, ctx.org.id, after, CHECKPOINTS + 1));
      const { items, continuationToken } = page(found, CHECKPOINTS, ({ day }) => [day]);
      return { checkpoints: items, continuationToken };
    },
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/checkpoints/{day}",
      operationId: "GetAuditLogCheckpoint",
      permission,
      params: z.object({
        orgName,
        day: dayOfLog,
      }),
      extension: true,
    },
    async (ctx, { params: { day } }) => {
      const found = await checked(ctx, getCheckpoint(ctx.env, ctx.org.id, day));
      if (!found) throw notFound(`Checkpoint of ${day}`);
      return found;
    },
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/auditlogs/keys",
      operationId: "ListAuditLogSigningKeys",
      permission: "public",
      extension: true,
    },
    async ({ env }) => ({ keys: (await publicKeys(env)).map((key) => ({ ...key, algorithm: "Ed25519" as const })) }),
  ),
];

/** The log is never read with a cached identity, even where it is in R2. */
async function checked<T>(ctx: OrgContext, work: Promise<T>): Promise<T> {
  const [result] = await Promise.all([work, guarded(ctx, [])]);
  return result;
}

const allEventTypes = Object.entries(eventTypes).map(([event, { description }]) => {
  const flags = flagsOf(event as EventName);
  return {
    event,
    displayName: displayNameOf(event),
    description,
    requiresOrgAdmin: flags.reqOrgAdmin,
    requiresStackAdmin: flags.reqStackAdmin,
    authenticationFailure: flags.authFailure,
  };
});
