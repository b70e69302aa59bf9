import { type OrganizationNumbers, readOwnNumbers } from "../operator/organization.ts";
import { displayNameOf } from "../audit/events.ts";
import { Table } from "./components.tsx";
import { definePage } from "./page.tsx";
import { placePath } from "./paths.ts";

/** What is going on in the organization, for its administrators: the same numbers that the operator sees of it. */
export const numbersPage = definePage("GET", "/:orgName/~/numbers", "organization:update", async (ctx) => ({
  title: "Numbers",
  at: "settings" as const,
  body: <Numbers numbers={await readOwnNumbers(ctx)} refusals={`${placePath(ctx.org.name, "audit")}?refusalsOnly=true`} />,
}));

const Numbers = ({ numbers, refusals }: { numbers: OrganizationNumbers; refusals: string }) => (
  <section class="narrow">
    <h1>Numbers</h1>
    <dl>
      <dt>Updates and previews that run</dt>
      <dd>{numbers.running}</dd>
      <dt>Stacks</dt>
      <dd>{numbers.stacks}</dd>
      <dt>Access tokens of the organization</dt>
      <dd>{numbers.tokens}</dd>
      <dt>Members</dt>
      <dd>{numbers.members}</dd>
      <dt>Records of the audit log</dt>
      <dd>{numbers.auditEvents}</dd>
      <dt>Of these in the archive</dt>
      <dd>{numbers.archivedEvents}</dd>
      <dt>Its end was last signed on</dt>
      <dd>{numbers.lastCheckpointDay ?? "no day yet"}</dd>
    </dl>
    <h2>Refused in the last 24 hours</h2>
    {Object.keys(numbers.refusals).length === 0 ? (
      <p class="faint">Nothing.</p>
    ) : (
      <>
        <Table caption="Refusals of the last 24 hours" head={["What", "How often"]}>
          {Object.entries(numbers.refusals).map(([event, count]) => (
            <tr>
              <th scope="row">{displayNameOf(event)}</th>
              <td>{count}</td>
            </tr>
          ))}
        </Table>
        <p>
          <a href={refusals}>See them in the audit log</a>
        </p>
      </>
    )}
  </section>
);
