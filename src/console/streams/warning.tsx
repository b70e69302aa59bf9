import type { OrgContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { listStreams } from "../../streams/stream.ts";
import { Notice } from "../components.tsx";
import type { PageInput } from "../page.tsx";
import { placePath } from "../paths.ts";
import { healthOf } from "./health.tsx";

/** Maximum number of streams that the warning names. */
const MOST_NAMED = 5;

/** A warning about streams that fail or are paused, for the readers who can mend them. Undefined for other readers, and if all is well. */
export async function streamWarning(ctx: OrgContext & { page: PageInput }) {
  if (!ctx.page.may("audit_streams:update")) return undefined;
  const { streams } = await listStreams(ctx);
  const troubled = streams.filter(({ failing, paused }) => failing ?? paused);
  if (troubled.length === 0) return undefined;
  return (
    <Notice kind="warning">
      The audit log does not reach every destination:{" "}
      {troubled.slice(0, MOST_NAMED).map((stream, i) => (
        <>
          {i > 0 && ", "}
          <a href={placePath(ctx.org.name, "streams", stream.id)}>{cut(stream.name, 150)}</a> is {healthOf(stream).word}
        </>
      ))}
      {troubled.length > MOST_NAMED && `, and ${troubled.length - MOST_NAMED} more`}.
    </Notice>
  );
}
