import type { Source, SourceLink } from "../../history/source.ts";

/** A link to another site, which learns neither this address nor this window. Without an address it is text. */
export const SourceText = ({ link }: { link: SourceLink }) =>
  link.href === undefined ? (
    <>{link.text}</>
  ) : (
    <a href={link.href} rel="noopener noreferrer nofollow">
      {link.text}
    </a>
  );

/** Commit and branch in short, for a table. */
export const CommitCell = ({ source: { commit, branch, pullRequest } }: { source: Source }) => (
  <>
    {commit ? (
      <span class="mono">
        <SourceText link={commit} />
      </span>
    ) : (
      <span class="faint">–</span>
    )}
    {(pullRequest ?? branch) && (
      <div class="hint">
        <SourceText link={(pullRequest ?? branch)!} />
      </div>
    )}
  </>
);

/** Rows of a list of facts: commit, branch, pull request and CI run, as far as they are known. */
export const SourceFacts = ({ source: { commit, branch, pullRequest, run } }: { source: Source }) => (
  <>
    {(
      [
        ["Commit", commit],
        ["Branch", branch],
        ["Pull request", pullRequest],
        ["CI run", run],
      ] as const
    ).map(
      ([label, link]) =>
        link && (
          <>
            <dt>{label}</dt>
            <dd>
              <SourceText link={link} />
            </dd>
          </>
        ),
    )}
  </>
);
