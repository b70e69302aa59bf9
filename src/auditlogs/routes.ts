import * as z from "zod";
import { orgName } from "../http/names.ts";
import { maxResults } from "../http/pagination.ts";
import { defineRoute } from "../http/route.ts";
import { listAuditEvents } from "./list.ts";

const seconds = z.coerce.number().int().min(0).max(8_640_000_000_000).optional();

/** The CLI sends `eventType` and `user` where the contract says `eventFilter` and `userFilter` (management-api §9.2). */
const query = z.object({
  startTime: seconds,
  endTime: seconds,
  continuationToken: z.string().optional(),
  eventFilter: z.string().optional(),
  eventType: z.string().optional(),
  userFilter: z.string().optional(),
  user: z.string().optional(),
  /** Ours: id or name of an access token. */
  tokenFilter: z.string().optional(),
  maxResults,
});

const ResponseAuditLogs = z.object({
  auditLogEvents: z.array(
    z.object({
      timestamp: z.int(),
      sourceIP: z.string(),
      event: z.string(),
      description: z.string(),
      user: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string() }),
      tokenID: z.string().optional(),
      tokenName: z.string().optional(),
      reqOrgAdmin: z.boolean().optional(),
      reqStackAdmin: z.boolean().optional(),
      authFailure: z.boolean().optional(),
    }),
  ),
  continuationToken: z.string().optional(),
});

const filters = (q: z.infer<typeof query>) => ({
  event: q.eventFilter ?? q.eventType,
  user: q.userFilter ?? q.user,
  token: q.tokenFilter,
  size: q.maxResults,
  continuationToken: q.continuationToken,
});

/** In v1 both are upper bounds. */
const earlier = (a: number | undefined, b: number | undefined) => (a === undefined || b === undefined ? (a ?? b) : Math.min(a, b));

const ms = (s: number | undefined) => (s === undefined ? undefined : s * 1000);

export const auditLogRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs",
      operationId: "ListAuditLogEventsHandlerV1",
      tags: ["Organizations", "AuditLogs"],
      summary: "The log, newest first; startTime is its upper bound",
      permission: "audit_logs:read",
      params: z.object({ orgName }),
      query,
      responses: { 200: ResponseAuditLogs },
    },
    (ctx, { query: q }) => listAuditEvents(ctx, { ...filters(q), until: ms(earlier(q.startTime, q.endTime)) }),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/v2",
      operationId: "ListAuditLogEventsHandlerV2",
      tags: ["Organizations", "AuditLogs"],
      summary: "The log, newest first, from startTime until before endTime",
      permission: "audit_logs:read",
      params: z.object({ orgName }),
      query,
      responses: { 200: ResponseAuditLogs },
    },
    (ctx, { query: q }) => listAuditEvents(ctx, { ...filters(q), from: ms(q.startTime), until: ms(q.endTime) }),
  ),
];
