import type { Result } from "./run.ts";

/** A line for each suite and one for all of them, then the reason of each failed test. */
export function summary(results: Result[], seconds: number): string {
  const rows = results.map((result) => [
    result.outcome === "failed" ? "FAIL" : result.outcome === "skipped" ? "skip" : "ok",
    result.name,
    result.outcome === "skipped" ? `skipped, because ${result.because}` : said(result),
    result.outcome === "skipped" ? "" : `${result.seconds} s`,
  ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const total = (what: "passed" | "failed" | "skipped") => results.reduce((sum, result) => sum + result[what], 0);
  const suites = (outcome: Result["outcome"]) => results.filter((result) => result.outcome === outcome).length;
  return [
    ...lines,
    ...results.flatMap(({ failures }) => failures).map((failure) => `\nFAIL  ${failure}`),
    "",
    `suites: ${suites("passed")} passed, ${suites("failed")} failed, ${suites("skipped")} skipped`,
    `tests:  ${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped`,
    `time:   ${seconds} s`,
  ].join("\n");
}

function said({ passed, failed, skipped }: Result): string {
  return [`${passed} passed`, ...(failed > 0 ? [`${failed} failed`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(", ");
}
