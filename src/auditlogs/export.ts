import type { ChainRecord } from "../audit/chain.ts";
import type { OrgContext } from "../context.ts";
import { publicUrlOf } from "../http/origin.ts";
import { fromCursor } from "../http/pagination.ts";
import { type FormatName, formats } from "./formats.ts";
import type { AuditQuery } from "./list.ts";
import { type AuditFilter, matches } from "./filter.ts";
import { AuditCursor, EXPORT_PAGE, readAll, readChain, readPage } from "./read.ts";

/**
 * The log as a file, always gzipped (management-api §9.5). It is read and sent page by page, from table and archive. Each page is
 * authorized again: if the token is deleted meanwhile, the file ends early, which every gzip reader detects. JSON lines are in the chain's
 * order, which the verifier needs; the other formats are newest first.
 * @throws 404 as the list does
 */
export async function exportAuditEvents(ctx: OrgContext, query: AuditQuery, format: FormatName, request: Request): Promise<Response> {
  const first = await readPage(ctx, query, EXPORT_PAGE, fromCursor(query.continuationToken, AuditCursor));
  const filter = { ...query, token: first.token };
  const pages = format === "jsonl" ? chainPages(ctx, filter) : readAll(ctx, filter, first);
  const { header, line } = formats[format];
  const host = publicUrlOf(ctx.env, request).hostname;
  const encoder = new TextEncoder();
  let begun = false;
  const lines = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!begun) controller.enqueue(encoder.encode(header));
      begun = true;
      const { done, value } = await pages.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value.map((record) => line(record, host)).join("")));
    },
  });
  const body = lines.pipeThrough(new CompressionStream("gzip") as unknown as ReadableWritablePair<Uint8Array, Uint8Array>);
  return new Response(body, { encodeBody: "manual", headers: { "Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip" } });
}

async function* chainPages(ctx: OrgContext, filter: AuditFilter): AsyncGenerator<ChainRecord[]> {
  for (let next = 1; ;) {
    const records = await readChain(ctx, next, EXPORT_PAGE);
    const last = records.at(-1);
    if (!last) return;
    yield records.filter((record) => matches(record, filter));
    next = last.seq + 1;
  }
}
