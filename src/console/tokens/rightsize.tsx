import type { Rightsize } from "../../rightsize/openapi.ts";
import { Time } from "../components.tsx";
import { limitsForm } from "./limits.tsx";

export const USED = "used";
export const PROPOSED = "proposed";
/** Days of the audit log that the section reads. */
export const USED_DAYS = 90;

/** The value of the field for stacks with the proposal; undefined if there is none. */
export const proposedStacks = ({ proposal }: Rightsize): string | undefined =>
  proposal.stacks === null ? undefined : limitsForm({ stacks: proposal.stacks })["stacks"];

/**
 * Shows which rights a token has used by the audit log, and proposes the least role and limit that include them. This page changes nothing: its link
 * fills in the form for changes. @param rightsize undefined until the reader asks for it, because it reads many events
 */
export const WhatItUsed = ({ here, rightsize, mayLimit }: { here: string; rightsize: Rightsize | undefined; mayLimit: boolean }) => (
  <section id={USED}>
    <h2>What it used</h2>
    {rightsize ? (
      <Comparison here={here} rightsize={rightsize} mayLimit={mayLimit} />
    ) : (
      <p>
        <a href={`${here}?${USED}=yes#${USED}`}>Compare its rights with the audit log of the last {USED_DAYS} days</a>
      </p>
    )}
  </section>
);

const Comparison = ({ here, rightsize, mayLimit }: { here: string; rightsize: Rightsize; mayLimit: boolean }) => {
  const { has, used, unused, unseen, proposal, events } = rightsize;
  const stacks = proposedStacks(rightsize);
  return (
    <>
      <p>
        {events} event{events === 1 ? "" : "s"} in the audit log since <Time at={rightsize.from * 1000} exact />
        {rightsize.truncated && ". The token has more events than are read here, and older ones are left out"}.
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col"> </th>
            <th scope="col">It has</th>
            <th scope="col">What it did needs</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Role</th>
            <td>{has.role?.name ?? "Member, with the rights of its team"}</td>
            <td>
              {proposal.builtIn
                ? `${proposal.builtIn.name}, or a custom role with the rights below`
                : "a custom role with the rights below: no built-in role has them all"}
            </td>
          </tr>
          <tr>
            <th scope="row">Rights</th>
            <td class="mono">{has.permissions.join(" ")}</td>
            <td class="mono">{proposal.permissions.join(" ") || "none"}</td>
          </tr>
          <tr>
            <th scope="row">Stacks</th>
            <td class="mono">{has.stacks ? limitsForm({ stacks: has.stacks })["stacks"] : "all"}</td>
            <td class="mono">{stacks ?? "cannot be limited: it needs the role Admin, or more than 100 rules"}</td>
          </tr>
        </tbody>
      </table>
      {used.length > 0 && (
        <p>
          Last used:{" "}
          {used.map(({ permission, lastUsed, events: count }, i) => (
            <>
              {i > 0 && ", "}
              <span class="mono">{permission}</span> (<Time at={lastUsed * 1000} />, {count} time{count === 1 ? "" : "s"})
            </>
          ))}
        </p>
      )}
      {unused.length > 0 && (
        <p>
          Not used: <span class="mono">{unused.join(" ")}</span>
        </p>
      )}
      {unseen.length > 0 && (
        <p class="faint">
          The use of these rights leaves no event, so they are not in the proposal: <span class="mono">{unseen.join(" ")}</span>
        </p>
      )}
      {proposal.givesRights && (
        <p>The token gave rights to others. It needs the rights that it gives as well, and the proposal does not contain them.</p>
      )}
      {proposal.details && proposal.permissions.length > 0 && (
        <details>
          <summary>Definition of the custom role</summary>
          <pre>{JSON.stringify(proposal.details, null, 2)}</pre>
          <p class="hint">Create a role with this definition, and choose it in the form for changes.</p>
        </details>
      )}
      {mayLimit && stacks !== undefined && (
        <p>
          <a class="button" href={`${here}?${USED}=yes&${PROPOSED}=yes#change`}>
            Fill the form with these stacks
          </a>
        </p>
      )}
    </>
  );
};
