import { cut } from "../../http/pageText.ts";
import { placeOf } from "../../streams/tell.ts";
import { listStreams } from "../../streams/stream.ts";
import { Empty, Table, Time } from "../components.tsx";
import { definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { LIST } from "./frame.tsx";
import { HealthBadge, healthOf, lagOf } from "./health.tsx";

export const streamListPage = definePage("GET", LIST, "audit_streams:read", async (ctx) => {
  const { org, page } = ctx;
  const { streams } = await listStreams(ctx);
  const mayAdd = page.may("audit_streams:update") && page.may("audit_logs:export");
  return {
    title: "Audit streams",
    at: "audit",
    body: (
      <section>
        <div class="heading">
          <h1>Audit streams</h1>
          {mayAdd && (
            <a class="button" href={placePath(org.name, "new-stream")}>
              Add stream
            </a>
          )}
        </div>
        <p class="faint">A stream sends every record of the audit log to another system, in order, a few seconds after it was written.</p>
        {streams.length === 0 ? (
          <Empty>
            <p>No audit streams yet.</p>
            {mayAdd && <a href={placePath(org.name, "new-stream")}>Add the first stream</a>}
          </Empty>
        ) : (
          <Table caption="Audit streams" head={["Name", "Destination", "State", "Last success", "Missing there"]}>
            {streams.map((stream) => (
              <tr>
                <th scope="row">
                  <a href={placePath(org.name, "streams", stream.id)}>{cut(stream.name, 300)}</a>
                </th>
                <td class="anywhere">{cut(placeOf(stream.destination), 400)}</td>
                <td>
                  <HealthBadge of={stream} />
                  {healthOf(stream).sentence && <div class="hint">{healthOf(stream).sentence}</div>}
                </td>
                <td>
                  <Time at={stream.lastSuccess ? Date.parse(stream.lastSuccess) : null} />
                </td>
                <td>{lagOf(stream)}</td>
              </tr>
            ))}
          </Table>
        )}
      </section>
    ),
  };
});
