import { verifyChain } from "../../auditlogs/verify.ts";
import { Empty, Notice } from "../components.tsx";
import { definePage } from "../page.tsx";
import { placePath } from "../paths.ts";

/** Parts of the chain for one page view; a longer chain goes on with a link. */
const PARTS = 10;

/** Recomputes the chain, as `VerifyAuditLogs` does. It only reads, so it is a link and may be repeated. */
export const verifyPage = definePage("GET", "/:orgName/~/audit/verify", "audit_logs:read", async (ctx) => {
  let continuationToken = ctx.page.query.get("continuationToken") || undefined;
  let verified = 0;
  const checkpoints = { verified: 0, unverifiable: 0, missing: 0 };
  let firstFault: string | undefined;
  let part: Awaited<ReturnType<typeof verifyChain>>;
  let parts = 0;
  do {
    part = await verifyChain(ctx, { continuationToken });
    verified += part.verified;
    for (const name of ["verified", "unverifiable", "missing"] as const) checkpoints[name] += part.checkpoints[name];
    firstFault ??= part.checkpoints.firstFault?.description;
    ({ continuationToken } = part);
  } while (continuationToken !== undefined && ++parts < PARTS);
  const here = placePath(ctx.org.name, "audit", "verify");
  const { firstBad, head, last } = part;
  return {
    title: "Verify the audit log",
    at: "audit",
    body: (
      <section class="narrow">
        <h1>Verify the audit log</h1>
        {firstBad ? (
          <>
            <Notice kind="error">
              The log was changed. Record {firstBad.sequence}: {firstBad.description}.
            </Notice>
            <p>
              <a href={placePath(ctx.org.name, "audit", String(firstBad.sequence))}>Look at record {firstBad.sequence}</a>
            </p>
          </>
        ) : (
          <>
            {firstFault && <CheckpointFaults {...checkpoints} firstFault={firstFault} />}
            {head.sequence === 0 ? (
              <Empty>
                <p>There is no record yet.</p>
              </Empty>
            ) : continuationToken ? (
              <Notice kind="info">
                Good up to record {last?.sequence} of {head.sequence}. <a href={`${here}?continuationToken=${continuationToken}`}>Go on</a>
              </Notice>
            ) : (
              <Notice kind={firstFault ? "info" : "good"}>
                The chain is whole: every record up to {head.sequence} has its hash and follows from the one before it.
                {checkpoints.verified === 0 && " No verified checkpoint shows that it was not made anew."}
              </Notice>
            )}
          </>
        )}
        <dl>
          <dt>Looked at</dt>
          <dd>
            {verified} record{verified === 1 ? "" : "s"} and {checkpoints.verified} signed checkpoint{checkpoints.verified === 1 ? "" : "s"}
          </dd>
          {head.sequence > 0 && (
            <>
              <dt>End of the chain</dt>
              <dd>
                <a href={placePath(ctx.org.name, "audit", String(head.sequence))}>record {head.sequence}</a>
              </dd>
              <dt>Its hash</dt>
              <dd class="mono">{head.hash}</dd>
            </>
          )}
        </dl>
        <p class="faint">
          Whoever runs this service could recompute a whole chain. Keep the hash above, or an export, somewhere else:{" "}
          <code>npm run audit:verify</code> checks it without this server.
        </p>
        <a href={placePath(ctx.org.name, "audit")}>All events</a>
      </section>
    ),
  };
});

/** The records may be good, and yet nothing attests that the chain was not made anew. */
const CheckpointFaults = ({ unverifiable, missing, firstFault }: Record<"unverifiable" | "missing", number> & { firstFault: string }) => (
  <Notice kind="error">
    {missing > 0 && `${missing} signed checkpoint${missing === 1 ? " is" : "s are"} missing. `}
    {unverifiable > 0 &&
      `${unverifiable} signed checkpoint${unverifiable === 1 ? "" : "s"} cannot be verified, because the key is no longer listed. `}
    The first: {firstFault}.
  </Notice>
);
