/** The report of `scripts/mutantReporter.ts` about a run of tests. */
export interface Report {
  /** Why test files could not be loaded. */
  loading: string[];
  tests: {
    /** The titles of the test's suites and of the test. */
    name: string;
    state: string;
    /** Name and message of each error. */
    errors: string[];
  }[];
}

/**
 * `caught`: an assertion of a test failed. `survived`: the tests ran and passed.
 * `unclear`: the tests did not run, or failed for another reason, which proves nothing about the claim. Any broken patch can cause a file
 * that cannot be loaded, a test that throws or times out, or an answer of 500, whatever the test checks.
 */
export interface Outcome {
  kind: "caught" | "survived" | "unclear";
  why: string;
}

/** @param report undefined when vitest wrote none */
export function outcomeOf(report: Report | undefined): Outcome {
  if (!report) return { kind: "unclear", why: "vitest wrote no report: it could not start, or took too long" };
  const ran = report.tests.filter(hasRun);
  const errors = ran.flatMap((test) => test.errors);
  const assertion = errors.find(isAboutClaim);
  if (assertion) return { kind: "caught", why: firstLine(assertion) };
  const other = errors[0] ?? report.loading[0];
  if (other) return { kind: "unclear", why: firstLine(other) };
  return ran.length > 0 ? { kind: "survived", why: `${ran.length} tests passed` } : { kind: "unclear", why: "no test ran" };
}

/** Whether a test of this title passed. */
export const hasPassed = (report: Report | undefined, title: string): boolean =>
  (report?.tests ?? []).some(({ name, state }) => state === "passed" && new RegExp(patternOf(title)).test(name));

/** A pattern for `vitest -t`. The title of a parametrized test has `%s` or `%i` where its titles differ. */
export const patternOf = (title: string): string => title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(/%[sdifjo]/g, ".*");

const hasRun = ({ state }: Report["tests"][number]) => state === "passed" || state === "failed";

/**
 * A difference from a committed file is an assertion as well. The client of the tests (`test/support/client.ts`) asserts that no answer is
 * a 500: a patch that throws fails only there.
 */
const isAboutClaim = (error: string) =>
  /^(AssertionError|Error: Snapshot .* mismatched)/.test(error) && !error.includes("expected 500 not to be 500");

const firstLine = (text: string) => (text.split("\n")[0] ?? "").slice(0, 200);
