import { cut } from "../../http/pageText.ts";
import type { UpdateRow } from "../../history/info.ts";
import { Badge, Table, Time } from "../components.tsx";
import { previewPath, updatePath } from "../paths.ts";

const kinds = { succeeded: "good", failed: "bad", cancelled: "warning", running: "info", "not started": undefined } as const;

export const Status = ({ status }: { status: UpdateRow["status"] }) => {
  const kind = kinds[status];
  return (
    <Badge {...(kind && { kind })}>
      <span class={status === "running" ? "running" : undefined}>{status === "running" ? "in progress" : status}</span>
    </Badge>
  );
};

export const titleOf = ({ kind, dryRun, version }: Pick<UpdateRow, "kind" | "dryRun" | "version">): string => {
  if (!dryRun) return `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${version}`;
  return kind === "preview" ? "Preview" : `Preview of ${kind}`;
};

export const Requester = ({ row: { requestedBy, tokenName } }: { row: Pick<UpdateRow, "requestedBy" | "tokenName"> }) => (
  <>
    {requestedBy}
    {tokenName && <div class="hint">token {tokenName}</div>}
  </>
);

/** Formats milliseconds. */
export function durationOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const signs = new Map(Object.entries({ create: "+", update: "~", delete: "−", replace: "±", refresh: "↻", import: "=" }));

/** The changes of resources in short; unchanged resources are left out. */
const changesOf = ({ resourceChanges }: UpdateRow): string =>
  Object.entries(JSON.parse(resourceChanges ?? "{}") as Record<string, number>)
    .filter(([op, count]) => op !== "same" && count > 0)
    .slice(0, 12)
    .map(([op, count]) => `${signs.get(op) ?? `${cut(op, 30)} `}${count}`)
    .join(" ");

/** Updates and previews of a stack, each with a link to its page. */
export const EntryTable = ({ stack, rows }: { stack: string; rows: UpdateRow[] }) => (
  <Table caption="Updates and previews" head={["What", "Result", "Changes", "By", "Started", <span class="number">Took</span>]}>
    {rows.map((row) => (
      <tr>
        <th scope="row">
          <a href={row.dryRun ? previewPath(stack, row.id) : updatePath(stack, row.version ?? 0)}>{titleOf(row)}</a>
          {row.message && <div class="hint">{cut(row.message, 120)}</div>}
        </th>
        <td>
          <Status status={row.status} />
        </td>
        <td class="mono">{changesOf(row) || "–"}</td>
        <td>
          <Requester row={row} />
        </td>
        <td>
          <Time at={row.startedAt} />
        </td>
        <td class="number">{row.startedAt !== null && row.endedAt !== null ? durationOf(row.endedAt - row.startedAt) : "–"}</td>
      </tr>
    ))}
  </Table>
);
