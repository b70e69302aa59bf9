import * as z from "zod";
import { type EventName, eventTypes, flagsOf } from "../audit/events.ts";
import { AppError, notFound } from "../errors.ts";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { exportAuditEvents } from "./export.ts";
import { listAuditEvents } from "./list.ts";
import { EventTypes, ExportQuery, ListQuery, ResponseAuditLogs, versionOne, versionTwo } from "./schema.ts";

const tags = ["Organizations", "AuditLogs"];
const params = z.object({ orgName });
const permission = "audit_logs:read";

export const auditLogRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs",
      operationId: "ListAuditLogEventsHandlerV1",
      tags,
      summary: "The log, newest first; startTime is its upper bound",
      permission,
      params,
      query: ListQuery,
      responses: { 200: ResponseAuditLogs },
    },
    (ctx, { query }) => listAuditEvents(ctx, versionOne(ctx.org.name, query)),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/v2",
      operationId: "ListAuditLogEventsHandlerV2",
      tags,
      summary: "The log, newest first, from startTime until before endTime",
      permission,
      params,
      query: ListQuery,
      responses: { 200: ResponseAuditLogs },
    },
    (ctx, { query }) => listAuditEvents(ctx, versionTwo(ctx.org.name, query)),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/export",
      operationId: "ExportAuditLogEventsHandlerV1",
      tags,
      summary: "The log as a gzipped file; startTime is its upper bound",
      permission,
      params,
      query: ExportQuery,
      responses: { 200: null },
    },
    (ctx, { query, request }) => exportAuditEvents(ctx, versionOne(ctx.org.name, query), query.format, request),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/v2/export",
      operationId: "ExportAuditLogEventsHandlerV2",
      tags,
      summary: "The log as a gzipped file, from startTime until before endTime",
      permission,
      params,
      query: ExportQuery,
      responses: { 200: null },
    },
    (ctx, { query, request }) => exportAuditEvents(ctx, versionTwo(ctx.org.name, query), query.format, request),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/event-types",
      operationId: "ListAuditLogEventTypes",
      tags,
      summary: "The kinds of events that are recorded",
      permission,
      params,
      responses: { 200: EventTypes },
      extension: true,
    },
    async () => ({ eventTypes: allEventTypes }),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/auditlogs/reader-kind",
      operationId: "GetAuditLogsReaderKind",
      tags,
      summary: "Tells the hosted console which filters work: all of them",
      permission,
      params,
      responses: { 200: z.string() },
    },
    async () => "MySQL",
  ),
  ...automatedExport(),
];

const allEventTypes = Object.entries(eventTypes).map(([event, { displayName, description }]) => {
  const flags = flagsOf(event as EventName);
  return {
    event,
    displayName,
    description,
    requiresOrgAdmin: flags.reqOrgAdmin,
    requiresStackAdmin: flags.reqStackAdmin,
    authenticationFailure: flags.authFailure,
  };
});

/** Delivery into a bucket at AWS is not offered: these answer as the contract does where the feature is not available. */
function automatedExport() {
  const path = "/api/orgs/{orgName}/auditlogs/export/config" as const;
  const unavailable = async () => {
    throw new AppError(400, "Audit log export is not available for this organization.");
  };
  const common = { tags, permission, params } as const;
  return [
    defineRoute(
      { ...common, method: "GET", path, operationId: "GetAuditLogExportConfiguration", summary: "Not configured: 404", responses: {} },
      async () => {
        throw notFound("Audit log export configuration");
      },
    ),
    defineRoute(
      { ...common, method: "POST", path, operationId: "UpdateAuditLogExportConfiguration", summary: "Not available: 400", responses: {} },
      unavailable,
    ),
    defineRoute(
      {
        ...common,
        method: "DELETE",
        path,
        operationId: "DeleteAuditLogExportConfiguration",
        summary: "Not configured: 400",
        responses: {},
      },
      async () => {
        throw new AppError(400, "Organization has not configured audit log export.");
      },
    ),
    defineRoute(
      {
        ...common,
        method: "POST",
        path: `${path}/test`,
        operationId: "TestAuditLogExportConfiguration",
        summary: "Not available: 400",
        responses: {},
      },
      unavailable,
    ),
    defineRoute(
      {
        ...common,
        method: "POST",
        path: `${path}/force`,
        operationId: "ForceAuditLogExport",
        summary: "Not available: 400",
        responses: {},
      },
      unavailable,
    ),
  ];
}
