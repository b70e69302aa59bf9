import { cut, fill, pageBytes } from "../../http/pageText.ts";
import type { ConfigText } from "../../updates/config.ts";
import { Badge, Table } from "../components.tsx";

/** Maximum number of bytes of the page for the configuration. */
const ROOM = 10_000;

interface ConfigValue {
  string?: unknown;
  secret?: unknown;
}
type Values = Record<string, ConfigValue | null>;

interface Row {
  key: string;
  value: string;
  /** How the value differs from the previous configuration; undefined if it does not. */
  change?: "new" | "changed" | "removed";
  /** The previous value; "" if it is not shown. */
  before: string;
}

/**
 * Configuration as the CLI sent it with an update (cli-protocol §4.3.1): a JSON object. Secrets are not shown.
 * @param before the configuration of the previous update, to show what is different
 */
export const Config = ({ text, before }: { text: ConfigText | undefined; before?: ConfigText | undefined }) => {
  const rows = rowsOf(valuesOf(text), before === undefined ? undefined : valuesOf(before));
  if (rows.length === 0) return <p class="faint">No configuration.</p>;
  const { shown, more } = fill(rows, ROOM, ({ key, value, change, before: was }) => pageBytes(key + value + was) + 70 + (change ? 70 : 0));
  return (
    <>
      <Table caption="Configuration" head={["Key", "Value"]}>
        {shown.map(({ key, value, change, before: was }) => (
          <tr>
            <th scope="row">
              {key} {change && <Badge kind={change === "new" ? "good" : change === "removed" ? "bad" : "warning"}>{change}</Badge>}
            </th>
            <td class="mono anywhere">
              {value}
              {was && <div class="hint">before: {was}</div>}
            </td>
          </tr>
        ))}
      </Table>
      {more > 0 && <p class="faint">and {more} more</p>}
      {before !== undefined && rows.every(({ change }) => !change) && <p class="hint">It is the same as that of the update before.</p>}
    </>
  );
};

const valuesOf = (text: ConfigText | undefined) => JSON.parse(text ?? "{}") as Values;

/** The differences come first. */
function rowsOf(now: Values, before: Values | undefined): Row[] {
  const rows = Object.entries(now).map(([key, value]): Row => {
    const row = { key: cut(key, 200), value: shown(value), before: "" };
    if (!before) return row;
    if (!Object.hasOwn(before, key)) return { ...row, change: "new" };
    if (JSON.stringify(before[key]) === JSON.stringify(value)) return row;
    return { ...row, change: "changed", before: shown(before[key] ?? null) };
  });
  const gone = Object.keys(before ?? {}).filter((key) => !Object.hasOwn(now, key));
  const removed = gone.map((key): Row => ({ key: cut(key, 200), value: "–", change: "removed", before: shown(before![key] ?? null) }));
  const all = [...rows, ...removed];
  return [...all.filter(({ change }) => change), ...all.filter(({ change }) => !change)];
}

/** Shows a value only if it is marked as not secret. */
function shown(value: ConfigValue | null): string {
  if (value?.secret !== false && value?.secret !== undefined) return "[secret]";
  return typeof value?.string === "string" ? cut(value.string, 300) : "–";
}
