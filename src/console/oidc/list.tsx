import { cut } from "../../http/pageText.ts";
import { listIssuers } from "../../oidc/issuer.ts";
import { Badge, Empty, Table, Time, partOf } from "../components.tsx";
import { definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { LIST } from "./frame.tsx";

export const issuerListPage = definePage("GET", LIST, "oidc_issuers:read", async (ctx) => {
  const { org, page } = ctx;
  const { oidcIssuers } = await listIssuers(ctx);
  const { shown, Parts } = partOf(oidcIssuers, page.url);
  return {
    title: "Identity providers",
    at: "oidc",
    body: (
      <section>
        <div class="heading">
          <h1>Identity providers</h1>
          {page.may("oidc_issuers:create") && (
            <a class="button" href={placePath(org.name, "oidc", "new")}>
              Add identity provider
            </a>
          )}
        </div>
        <p class="faint">
          A pipeline proves who it is with a token of its CI system, and gets an access token for one run. So no secret is stored in the CI
          system.
        </p>
        {oidcIssuers.length === 0 ? (
          <Empty>
            <p>No identity providers yet.</p>
            {page.may("oidc_issuers:create") && <a href={placePath(org.name, "oidc", "new")}>Add the first identity provider</a>}
          </Empty>
        ) : (
          <Table caption="Identity providers" head={["Name", "Issuer", "Last used", "Longest lifetime"]}>
            {shown.map((issuer) => (
              <tr>
                <th scope="row">
                  <a href={placePath(org.name, "oidc", issuer.id)}>{cut(issuer.name, 300)}</a>{" "}
                  {issuer.disabled && <Badge kind="bad">disabled</Badge>}
                </th>
                <td class="anywhere">{cut(issuer.url, 300)}</td>
                <td>
                  <Time at={issuer.lastUsed ? Date.parse(issuer.lastUsed) : null} />
                </td>
                <td>{lifetime(issuer.maxExpiration)}</td>
              </tr>
            ))}
          </Table>
        )}
        <Parts />
      </section>
    ),
  };
});

/** A number of seconds in words. */
export function lifetime(seconds: number): string {
  const units: [string, number][] = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ];
  const [unit, size] = units.find(([, length]) => seconds >= length && seconds % length === 0) ?? ["second", 1];
  return `${seconds / size} ${unit}${seconds === size ? "" : "s"}`;
}
