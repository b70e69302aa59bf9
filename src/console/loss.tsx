import type { RefusedByPolicy } from "../tokens/refusedByPolicy.ts";

/** Lists the tokens that a shorter maximum refuses, with a box to confirm it. */
export const Loss = ({
  refusedByPolicy: { machines, names, personal, own, caller },
  days,
}: {
  refusedByPolicy: RefusedByPolicy;
  days: string;
}) => (
  <fieldset>
    <legend>A maximum of {days} days refuses tokens that are valid now</legend>
    <ul>
      {machines > 0 && (
        <li>
          {machines} of the organization: {names.join(", ")}
          {machines > names.length && ` and ${machines - names.length} more`}
        </li>
      )}
      {personal > 0 && <li>{personal} of members, for this organization only</li>}
      {own > 0 && (
        <li>
          <strong>
            {own} of these {own === 1 ? "is" : "are"} your own.
          </strong>
        </li>
      )}
    </ul>
    {caller && (
      <p class="wrong">
        You are signed in with a token that expires later, so you would lose access, too. First sign in with a token that expires within{" "}
        {days} days.
      </p>
    )}
    <p class="hint">
      They are refused immediately, until their remaining lifetime is within the maximum. Rotate them or shorten their expiry before you
      save.
    </p>
    <label class="plain option">
      <input type="checkbox" name="shutOut" value="yes" /> Refuse these tokens
    </label>
  </fieldset>
);
