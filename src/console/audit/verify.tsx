import { verifyChain } from "../../auditlogs/verify.ts";
import { Empty, Notice } from "../components.tsx";
import { definePage } from "../page.tsx";
import { placePath } from "../paths.ts";

/** Number of parts of the chain that one view of the page verifies; for a longer chain, a link continues the verification. */
const PARTS = 10;

/** Verifies the chain, as `VerifyAuditLogs` does. It only reads, so it is a link and may be repeated. */
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
              <a href={placePath(ctx.org.name, "audit", String(firstBad.sequence))}>Show record {firstBad.sequence}</a>
            </p>
          </>
        ) : (
          <>
            {firstFault && <CheckpointFaults {...checkpoints} firstFault={firstFault} />}
            {head.sequence === 0 ? (
              <Empty>
                <p>No records yet.</p>
              </Empty>
            ) : continuationToken ? (
              <Notice kind="info">
                Verified up to record {last?.sequence} of {head.sequence}.{" "}
                <a href={`${here}?continuationToken=${continuationToken}`}>Continue</a>
              </Notice>
            ) : (
              <Notice kind={firstFault ? "info" : "good"}>
                Verified: every record up to {head.sequence} matches its hash and links to the previous record.
                {checkpoints.verified === 0 && " Without a verified checkpoint, a rewrite of the whole chain cannot be detected."}
              </Notice>
            )}
          </>
        )}
        <dl>
          <dt>Checked</dt>
          <dd>
            {verified} record{verified === 1 ? "" : "s"} and {checkpoints.verified} signed checkpoint{checkpoints.verified === 1 ? "" : "s"}
          </dd>
          {head.sequence > 0 && (
            <>
              <dt>End of the chain</dt>
              <dd>
                <a href={placePath(ctx.org.name, "audit", String(head.sequence))}>record {head.sequence}</a>
              </dd>
              <dt>Hash of the last record</dt>
              <dd class="mono">{head.hash}</dd>
            </>
          )}
        </dl>
        <p class="faint">
          The operator of this service could recompute the whole chain. Keep the hash above, or an export, in another place:{" "}
          <code>npm run audit:verify</code> checks it without this server.
        </p>
        <a href={placePath(ctx.org.name, "audit")}>All events</a>
      </section>
    ),
  };
});

/** Faults of checkpoints: the records may be correct, but nothing proves that the chain was not rewritten. */
const CheckpointFaults = ({ unverifiable, missing, firstFault }: Record<"unverifiable" | "missing", number> & { firstFault: string }) => (
  <Notice kind="error">
    {missing > 0 && `${missing} signed checkpoint${missing === 1 ? " is" : "s are"} missing. `}
    {unverifiable > 0 &&
      `${unverifiable} signed checkpoint${unverifiable === 1 ? "" : "s"} cannot be verified, because the key is no longer listed. `}
    First fault: {firstFault}.
  </Notice>
);
