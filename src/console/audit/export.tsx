import { exportAuditEvents } from "../../auditlogs/export.ts";
import { type FormatName, formats } from "../../auditlogs/formats.ts";
import { versionTwo } from "../../auditlogs/schema.ts";
import { definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { type Filters, exportQuery } from "./query.ts";

const labels: Record<FormatName, string> = { csv: "CSV", cef: "CEF", jsonl: "JSON lines, with the hash chain", ocsf: "OCSF" };

/** The API's export, as a download with a descriptive file name. */
export const exportPage = definePage("GET", "/:orgName/~/audit/export", "audit_logs:export", async (ctx) => {
  const asked = exportQuery(ctx.page.query, ctx.page.display.zone);
  const { format } = asked;
  const file = await exportAuditEvents(ctx, versionTwo(ctx.org.name, asked), format, ctx.page.hono.req.raw);
  file.headers.set("Content-Disposition", `attachment; filename="audit-${new Date(ctx.now).toISOString().slice(0, 10)}.${format}"`);
  return file;
});

export const ExportLinks = ({ orgName, set }: { orgName: string; set: Filters }) => (
  <p>
    Export all matching events, including the archive:{" "}
    {(Object.keys(formats) as FormatName[]).map((format, i) => (
      <>
        {i > 0 && ", "}
        <a href={`${placePath(orgName, "audit", "export")}?${String(new URLSearchParams({ ...set, format }))}`}>{labels[format]}</a>
      </>
    ))}
  </p>
);
