import type { listDomains } from "../../sso/domains.ts";
import { Badge, Field, Table } from "../components.tsx";

/** The domains of an organization, with the records that prove them. */
export const Domains = ({ domains }: { domains: Awaited<ReturnType<typeof listDomains>>["domains"] }) => (
  <>
    <h2>Domains</h2>
    {domains.length > 0 && (
      <Table caption="Domains" head={["Domain", "TXT record", "State", "Verify", "Remove"]}>
        {domains.map(({ domain, record, proven }) => (
          <tr>
            <th scope="row">{domain}</th>
            <td>
              <code>
                {record.name} {record.value}
              </code>
            </td>
            <td>
              <Badge kind={proven ? "good" : "warning"}>{proven ? "proved" : "not proved"}</Badge>
            </td>
            {(["verify", "remove"] as const).map((action) => (
              <td>
                <form method="post">
                  <input type="hidden" name="do" value={`${action}-domain`} />
                  <input type="hidden" name="domain" value={domain} />
                  <button class="quiet" aria-label={`${action === "verify" ? "Verify" : "Remove"} ${domain}`}>
                    {action === "verify" ? "Verify" : "Remove"}
                  </button>
                </form>
              </td>
            ))}
          </tr>
        ))}
      </Table>
    )}
    <form method="post" class="narrow">
      <input type="hidden" name="do" value="add-domain" />
      <Field
        name="domain"
        label="Domain"
        required
        placeholder="example.com"
        hint="Add it, create the TXT record that is shown then, and verify it."
      />
      <button class="quiet">Add domain</button>
    </form>
  </>
);
