import type { JSX } from "hono/jsx/jsx-runtime";
import { listAuditEvents } from "../../auditlogs/list.ts";
import { cut } from "../../http/pageText.ts";
import type { Issuer } from "../../oidc/openapi.ts";
import { auditPath } from "../audit/query.ts";
import { Time } from "../components.tsx";
import { placePath } from "../paths.ts";
import type { IssuerContext } from "./frame.tsx";

/** Maximum number of refused exchanges that are shown, and of refusals among which they are looked for. */
const MOST_REFUSED = 5;
const LOOKED_AT = 50;

/** The last exchanges that were refused, by the audit log. */
export async function Refused({ ctx, issuer }: { ctx: IssuerContext; issuer: Issuer }): Promise<JSX.Element> {
  const set = { eventFilter: "auth-failure-oidc-exchange" };
  const { auditLogEvents } = await listAuditEvents(ctx, { event: set.eventFilter, size: LOOKED_AT });
  // A claim in the description may name another issuer.
  const ofThis = auditLogEvents
    .filter(({ description }) => description.startsWith(`Refused to exchange a token of "${issuer.name}": `))
    .slice(0, MOST_REFUSED);
  return (
    <>
      <h2>Refused exchanges</h2>
      {ofThis.length === 0 ? (
        <p class="faint">None of late.</p>
      ) : (
        <ul class="plain">
          {ofThis.map(({ timestamp, sequence, description }) => (
            <li>
              {sequence === undefined ? (
                <Time at={timestamp * 1000} exact />
              ) : (
                <a href={placePath(ctx.org.name, "audit", String(sequence))}>
                  <Time at={timestamp * 1000} exact />
                </a>
              )}{" "}
              {cut(description, 600)}
            </li>
          ))}
        </ul>
      )}
      <p>
        <a href={auditPath(ctx.org.name, set)}>All in the audit log</a>
      </p>
    </>
  );
}
