import { Table } from "../components.tsx";
import { cut } from "./frame.tsx";

const MOST = 60;

interface ConfigValue {
  string?: unknown;
  secret?: unknown;
}

/** Configuration as the CLI sent it with an update (cli-protocol §4.3.1): a JSON object. A secret stays one. */
export const Config = ({ text }: { text: string }) => {
  const entries = Object.entries(JSON.parse(text) as Record<string, ConfigValue | null>);
  if (entries.length === 0) return <p class="faint">No configuration.</p>;
  return (
    <>
      <Table caption="Configuration" head={["Key", "Value"]}>
        {entries.slice(0, MOST).map(([key, value]) => (
          <tr>
            <th scope="row">{cut(key, 200)}</th>
            <td class="mono">{shown(value)}</td>
          </tr>
        ))}
      </Table>
      {entries.length > MOST && <p class="faint">and {entries.length - MOST} more</p>}
    </>
  );
};

/** Only what says that it is none is shown. */
function shown(value: ConfigValue | null): string {
  if (value?.secret !== false && value?.secret !== undefined) return "[secret]";
  return typeof value?.string === "string" ? cut(value.string, 300) : "–";
}
