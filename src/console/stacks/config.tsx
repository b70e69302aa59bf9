import { cut, fill, pageBytes } from "../../http/pageText.ts";
import type { ConfigText } from "../../updates/config.ts";
import { Table } from "../components.tsx";

/** Maximum number of bytes of the page for the configuration. */
const ROOM = 12_000;

interface ConfigValue {
  string?: unknown;
  secret?: unknown;
}

/** Configuration as the CLI sent it with an update (cli-protocol §4.3.1): a JSON object. Secrets are not shown. */
export const Config = ({ text }: { text: ConfigText | undefined }) => {
  const entries = Object.entries(JSON.parse(text ?? "{}") as Record<string, ConfigValue | null>);
  if (entries.length === 0) return <p class="faint">No configuration.</p>;
  const short = entries.map(([key, value]) => [cut(key, 200), shown(value)] as const);
  const { shown: rows, more } = fill(short, ROOM, ([key, value]) => pageBytes(key + value) + 70);
  return (
    <>
      <Table caption="Configuration" head={["Key", "Value"]}>
        {rows.map(([key, value]) => (
          <tr>
            <th scope="row">{key}</th>
            <td class="mono">{value}</td>
          </tr>
        ))}
      </Table>
      {more > 0 && <p class="faint">and {more} more</p>}
    </>
  );
};

/** Shows a value only if it is marked as not secret. */
function shown(value: ConfigValue | null): string {
  if (value?.secret !== false && value?.secret !== undefined) return "[secret]";
  return typeof value?.string === "string" ? cut(value.string, 300) : "–";
}
