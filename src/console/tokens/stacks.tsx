import type { getTokenStacks } from "../../tokens/impact.ts";
import { auditPath } from "../audit/query.ts";
import { Table, Time } from "../components.tsx";
import { stackPath } from "../paths.ts";

interface Props {
  orgName: string;
  stacks: Awaited<ReturnType<typeof getTokenStacks>>;
  /** Maximum number of stacks that are shown. */
  most: number;
  /** Id of the token, if the rows shall link to its events on each stack. */
  eventsOf?: string | undefined;
}

/** The stacks that a token changed in the last 90 days. */
export const ChangedStacks = ({ orgName, stacks, most, eventsOf }: Props) => {
  if (stacks.length === 0) return <p>This token changed no stack in the last 90 days.</p>;
  return (
    <>
      <Table
        caption="Stacks that this token changed in the last 90 days"
        head={["Stack", <span class="number">Updates</span>, "Last", ...(eventsOf === undefined ? [] : ["Events"])]}
      >
        {stacks.slice(0, most).map(({ projectName, stackName, updates, lastUpdate }) => {
          const name = `${projectName}/${stackName}`;
          return (
            <tr>
              <th scope="row">
                <a href={stackPath(orgName, projectName, stackName)}>{name}</a>
              </th>
              <td class="number">{updates}</td>
              <td>
                <Time at={lastUpdate * 1000} />
              </td>
              {eventsOf !== undefined && (
                <td>
                  <a href={auditPath(orgName, { tokenFilter: eventsOf, stackFilter: name })} aria-label={`Events of this token on ${name}`}>
                    Events
                  </a>
                </td>
              )}
            </tr>
          );
        })}
      </Table>
      {stacks.length > most && <p class="faint">and {stacks.length - most} more stacks.</p>}
    </>
  );
};
