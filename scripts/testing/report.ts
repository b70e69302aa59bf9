import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { root } from "../wrangler.ts";

/** The report of vitest with `--reporter=json`: the members that are used here. */
interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

export interface Tests {
  passed: number;
  failed: number;
  skipped: number;
  /** Each failed test, and each file that could not be run, with the first lines of the error. */
  failures: string[];
}

/** @returns undefined when vitest ended before it wrote the report */
export function readReport(file: string): Tests | undefined {
  if (!existsSync(file)) return undefined;
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: report.testResults.flatMap(({ name, message, assertionResults }) => {
      const where = relative(root, name);
      const failed = assertionResults.filter(({ status }) => status === "failed");
      if (failed.length === 0) return message ? [`${where}: ${firstLines(message)}`] : [];
      return failed.map(({ fullName, failureMessages }) => `${where} > ${fullName}: ${firstLines(failureMessages.join("\n"))}`);
    }),
  };
}

/** Parses the output of `scripts/check.ts`: a line for each check, followed by the reasons if the check failed. */
export function readChecks(output: string): Tests {
  const checks = output.split(/^(?=(?:FAIL|ok {2}) {2})/m);
  const failed = checks.filter((check) => check.startsWith("FAIL"));
  return {
    passed: checks.filter((check) => check.startsWith("ok")).length,
    failed: failed.length,
    skipped: 0,
    failures: failed.map((check) => firstLines(check.slice("FAIL".length).trimStart())),
  };
}

/** Removes empty lines and stack traces. */
export const firstLines = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !/^\s*(at .*)?$/.test(line))
    .slice(0, 8)
    .join(" ")
    .slice(0, 800);
