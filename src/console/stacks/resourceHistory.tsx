import { cut } from "../../http/pageText.ts";
import { changesOfResource } from "../../history/ofResource.ts";
import { Badge, Empty, Table, Time } from "../components.tsx";
import { definePage } from "../page.tsx";
import { updatePath } from "../paths.ts";
import { Requester, titleOf } from "./entries.tsx";
import { STACK_PAGE, StackFrame, pathOf, stackOf } from "./frame.tsx";
import { LONGEST_URN, ResourceTabs, nameIn } from "./resourceTabs.tsx";

export const resourceHistoryPage = definePage("GET", `${STACK_PAGE}/resource/history`, "stack:read", async (ctx) => {
  const path = stackOf(ctx);
  const stack = pathOf(path);
  const urn = (ctx.page.query.get("urn") ?? "").slice(0, LONGEST_URN);
  const { changes, versions, isCut } = await changesOfResource(ctx, path, urn);
  return {
    title: `History of ${cut(nameIn(urn), 150)} of ${path.projectName}/${path.stackName}`,
    at: "stacks",
    body: (
      <StackFrame ctx={ctx} path={path} at="resources">
        <h2>{cut(nameIn(urn), 300)}</h2>
        <ResourceTabs stack={stack} urn={urn} at="history" />
        {changes.length === 0 ? (
          <Empty>
            {versions ? (
              <p>No update that was searched changed this resource.</p>
            ) : (
              <p>
                No update has run yet. Run <code>pulumi up</code> to create resources.
              </p>
            )}
          </Empty>
        ) : (
          <Table caption="Changes of the resource" head={["Update", "What", "Properties", "By", "When"]}>
            {changes.slice(0, MOST).map(({ row, op, failed, properties }) => (
              <tr>
                <th scope="row">
                  <a href={updatePath(stack, row.version ?? 0)}>{titleOf(row)}</a>
                </th>
                <td>
                  {cut(op, 60)} {failed && <Badge kind="bad">failed</Badge>}
                </td>
                <td class="mono anywhere">{cut(properties.join(", "), 600) || "–"}</td>
                <td>
                  <Requester row={row} />
                </td>
                <td>
                  <Time at={row.startedAt} />
                </td>
              </tr>
            ))}
          </Table>
        )}
        {versions && (
          <p class="hint">
            Searched: {versions.first === versions.last ? `version ${versions.last}` : `versions ${versions.first} to ${versions.last}`}, by
            the events of their updates.{isCut && " Older updates are not searched."} Imports have no events, so they are not in this list.
          </p>
        )}
      </StackFrame>
    ),
  };
});

/** Maximum number of rows. A resource has a few steps in each update. */
const MOST = 60;
