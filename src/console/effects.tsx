import type { Change, Changes } from "../dryRuns/difference.ts";
import type { DryRun } from "../dryRuns/openapi.ts";
import { cut } from "../http/pageText.ts";
import { Notice, Table } from "./components.tsx";

/** Maximum number of rows of one table, and of rights and stacks of one row, so that no page is over 100 KB. */
const MOST_ROWS = 10;
const MOST_NAMES = 12;

/** The name of the button that shows what a form would change, and that changes nothing. */
export const SHOW = "show";

export const ShowEffects = () => (
  <button class="quiet" name={SHOW} value="effects">
    Show what this changes
  </button>
);

/** Shows above a form whose rights the form would change. */
export const Effects = ({ of: { gains, loses, runningUpdates, canceledInvitations, missing, truncated } }: { of: DryRun }) => (
  <section aria-label="What this changes">
    <Notice kind="info">
      Nothing has been changed yet. {outcomeOf(gains.count + loses.count, missing.length > 0)}
      {canceledInvitations > 0 && ` Pending invitations that would be canceled: ${canceledInvitations}.`}
      {runningUpdates.length > 0 && ` Running updates whose credential would end: ${runningUpdates.length}.`}
    </Notice>
    {(missing.length > 0 || truncated) && (
      <p class="hint">
        The list may be incomplete{missing.length > 0 ? `, because you do not have these rights: ${missing.join(", ")}` : ""}.
      </p>
    )}
    <Changed caption="Gains" of={gains} />
    <Changed caption="Loses" of={loses} />
  </section>
);

function outcomeOf(count: number, isIncomplete: boolean): string {
  if (count > 0) return "This is what would change.";
  return isIncomplete ? "The list shows nobody who would gain or lose a right." : "Nobody would gain or lose a right.";
}

const Changed = ({ caption, of: { count, first } }: { caption: string; of: Changes }) =>
  count === 0 ? null : (
    <>
      <Table caption={caption} head={["Who", "On the whole organization", "On stacks"]}>
        {first.slice(0, MOST_ROWS).map(({ subject, organization, stacks, teams }) => (
          <tr>
            <th scope="row">{nameOf(subject)}</th>
            <td>{listed([...organization, ...teams.map((team) => `administrator of team ${team}`)])}</td>
            <td>
              {stacks.count > 0 && (
                <>
                  {listed(stacks.permissions)}
                  <div class="hint">{listed(stacks.first, stacks.count)}</div>
                </>
              )}
            </td>
          </tr>
        ))}
      </Table>
      {count > MOST_ROWS && <p class="faint">and {count - MOST_ROWS} more people, teams and tokens.</p>}
    </>
  );

const nameOf = ({ kind, name }: Change["subject"]) => cut(kind === "person" ? name : `${kind === "team" ? "team" : "token"} ${name}`, 150);

/** @param count how many there are, if the names are only some of them */
function listed(names: string[], count = names.length): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => cut(name, 150));
  return shown.join(", ") + (count > shown.length ? `, and ${count - shown.length} more` : "");
}
