/** What vitest's JSON reporter writes, as far as it is read here. */
export interface Report {
  testResults: {
    /** Why a file could not be loaded. */
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

/**
 * `caught`: an assertion of a test failed. `survived`: the tests ran and passed.
 * `unclear`: the tests did not run, or failed for another reason, which says nothing about the claim. Any broken patch makes a file that cannot be
 * loaded, a test that throws or runs out of time, or an answer of 500, whatever the test looks at.
 */
export interface Outcome {
  kind: "caught" | "survived" | "unclear";
  why: string;
}

/** @param report undefined when vitest wrote none */
export function outcomeOf(report: Report | undefined): Outcome {
  const tests = testsIn(report);
  const messages = tests.flatMap(({ failureMessages }) => failureMessages);
  const assertion = messages.find(isAboutClaim);
  if (assertion) return { kind: "caught", why: firstLine(assertion) };
  const other = messages[0] ?? report?.testResults.map(({ message }) => message).find(Boolean);
  if (other) return { kind: "unclear", why: firstLine(other) };
  if (tests.length > 0) return { kind: "survived", why: `${tests.length} tests passed` };
  return { kind: "unclear", why: report ? "no test ran" : "vitest wrote no report: it could not start, or took too long" };
}

/** Whether a test of this title passed. */
export const hasPassed = (report: Report | undefined, title: string): boolean =>
  testsIn(report).some(({ fullName, status }) => status === "passed" && new RegExp(patternOf(title)).test(fullName));

/** A pattern for `vitest -t`. A title of several tests has `%s` or `%i` where they differ. */
export const patternOf = (title: string): string => title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll(/%[sdifjo]/g, ".*");

const testsIn = (report: Report | undefined) =>
  (report?.testResults ?? []).flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => /^(passed|failed)$/.test(status));

/** The client of the tests (`test/support/client.ts`) asserts that no answer is a 500: a patch that throws fails there, and nowhere else. */
const isAboutClaim = (message: string) => message.startsWith("AssertionError") && !message.includes("expected 500 not to be 500");

const firstLine = (text: string) => (text.split("\n")[0] ?? "").slice(0, 200);
