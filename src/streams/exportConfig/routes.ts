import * as z from "zod/mini";
import { orgName } from "../../http/names.ts";
import { originOf } from "../../http/origin.ts";
import { defineRoute } from "../../http/route.ts";
import { ExportS3Config, ForceExportQuery, UpdateExportConfigRequest } from "../schema.ts";
import { forceExport, testExportConfig } from "./check.ts";
import { deleteExportConfig, getExportConfig, updateExportConfig } from "./config.ts";

const CONFIG = "/api/orgs/{orgName}/auditlogs/export/config" as const;
const params = z.object({ orgName });
const sees = "audit_streams:read" as const;
const changes = "audit_streams:update" as const;

/** The export of the public contract: one stream to a bucket of AWS, which is written with a role. */
export const exportConfigRoutes = [
  defineRoute({ method: "GET", path: CONFIG, operationId: "GetAuditLogExportConfiguration", permission: sees, params }, getExportConfig),
  defineRoute(
    {
      method: "POST",
      path: CONFIG,
      operationId: "UpdateAuditLogExportConfiguration",
      permission: changes,
      params,
      body: UpdateExportConfigRequest,
    },
    (ctx, { body, request }) => updateExportConfig(ctx, body, originOf(ctx.env, request)),
  ),
  defineRoute(
    { method: "DELETE", path: CONFIG, operationId: "DeleteAuditLogExportConfiguration", permission: changes, params },
    deleteExportConfig,
  ),
  defineRoute(
    {
      method: "POST",
      path: `${CONFIG}/test`,
      operationId: "TestAuditLogExportConfiguration",
      permission: changes,
      params,
      body: ExportS3Config,
    },
    (ctx, { body, request }) => testExportConfig(ctx, body, originOf(ctx.env, request)),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${CONFIG}/force`,
      operationId: "ForceAuditLogExport",
      permission: changes,
      params,
      query: ForceExportQuery,
    },
    (ctx, { query }) => forceExport(ctx, query.timestamp),
  ),
];
