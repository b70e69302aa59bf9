import { type OrganizationNumbers, readOwnNumbers } from "../operator/organization.ts";
import { displayNameOf } from "../audit/events.ts";
import { Table } from "./components.tsx";
import { definePage } from "./page.tsx";
import { placePath } from "./paths.ts";

/** Usage of the organization, for its administrators: the same numbers that the operator sees. */
export const numbersPage = definePage("GET", "/:orgName/~/numbers", "organization:update", async (ctx) => ({
  title: "Usage",
  at: "settings" as const,
  body: <Numbers numbers={await readOwnNumbers(ctx)} refusals={`${placePath(ctx.org.name, "audit")}?refusalsOnly=true`} />,
}));

const Numbers = ({ numbers, refusals }: { numbers: OrganizationNumbers; refusals: string }) => (
  <section class="narrow">
    <h1>Usage</h1>
    <dl>
      <dt>Running now</dt>
      <dd>{numbers.running}</dd>
      <dt>Stacks</dt>
      <dd>{numbers.stacks}</dd>
      <dt>Access tokens of the organization</dt>
      <dd>{numbers.tokens}</dd>
      <dt>Members</dt>
      <dd>{numbers.members}</dd>
      <dt>Audit records</dt>
      <dd>{numbers.auditEvents}</dd>
      <dt>Archived records</dt>
      <dd>{numbers.archivedEvents}</dd>
      <dt>Last signed checkpoint</dt>
      <dd>{numbers.lastCheckpointDay ?? "none yet"}</dd>
    </dl>
    <h2>Refusals of the last 24 hours</h2>
    {Object.keys(numbers.refusals).length === 0 ? (
      <p class="faint">None.</p>
    ) : (
      <>
        <Table caption="Refusals of the last 24 hours" head={["Event", "Count"]}>
          {Object.entries(numbers.refusals).map(([event, count]) => (
            <tr>
              <th scope="row">{displayNameOf(event)}</th>
              <td>{count}</td>
            </tr>
          ))}
        </Table>
        <p>
          <a href={refusals}>View in audit log</a>
        </p>
      </>
    )}
  </section>
);
