import { describe, expect, it } from "vitest";
import { claimsIn, mutantFaults, pointerFaults } from "../../scripts/claims.ts";
import { type Report, hasPassed, outcomeOf, patternOf } from "../../scripts/mutantOutcome.ts";
import type { Mutant } from "../claims/mutants.ts";

const page = `
| Name | Claim | Test |
| --- | --- | --- |
| \`first\` | one thing holds | \`test/a.test.ts › holds for %s\` |
| \`second\` | another does | \`test/a.test.ts › says "yes"\` |

| no name | no claim | \`test/a.test.ts › says "yes"\` |
`;
const files: Record<string, string> = {
  "test/a.test.ts": 'it.each([1])("holds for %s", () => {}); it("says \\"yes\\"", () => {});',
  "src/a.ts": "allow(user); deny(user);",
};
const read = (file: string) => files[file];
const mutant = (claim: string, more: Partial<Mutant> = {}): Mutant => ({
  claim,
  file: "src/a.ts",
  find: "allow(user)",
  replace: "",
  ...more,
});
const faults = (...mutants: Mutant[]) => mutantFaults(claimsIn(page), mutants, read);

describe("the check of the claims", () => {
  it("reads the rows that begin with a name", () => {
    expect(claimsIn(page)).toEqual([
      { name: "first", file: "test/a.test.ts", test: "holds for %s" },
      { name: "second", file: "test/a.test.ts", test: 'says "yes"' },
    ]);
    expect(pointerFaults(page, read)).toEqual([]);
  });

  it("names a test and a file that do not exist", () => {
    expect(pointerFaults("`test/a.test.ts › is gone`, `src/b.ts`", read)).toEqual([
      "src/b.ts does not exist",
      'test/a.test.ts has no test "is gone"',
    ]);
  });

  it("names a claim without a mutant, and a mutant without a claim", () => {
    expect(faults(mutant("first"), mutant("second"))).toEqual([]);
    expect(faults(mutant("first"))).toEqual(['the claim "second" has no mutant']);
    expect(faults(mutant("first"), mutant("second"), mutant("third"))).toEqual([
      'the mutant of "third": docs/security.md has no claim of that name',
    ]);
    expect(mutantFaults(claimsIn(page + page), [mutant("first"), mutant("second")], read)).toHaveLength(2);
    expect(mutantFaults([], [], read)).toEqual(["docs/security.md has no claims"]);
  });

  it("names a mutant whose text is not in its file exactly once, or that changes nothing", () => {
    const wrong: [Partial<Mutant>, RegExp][] = [
      [{ find: "user" }, /src\/a\.ts must contain its text once, but contains it 2 times: user$/],
      [{ find: "renamed" }, /contains it 0 times: renamed$/],
      [{ file: "src/gone.ts" }, /src\/gone\.ts must contain its text once, but contains it 0 times/],
      [{ replace: "allow(user)" }, /it changes nothing in src\/a\.ts$/],
      [{ also: { file: "src/a.ts", find: "renamed", replace: "" } }, /contains it 0 times: renamed$/],
    ];
    for (const [more, fault] of wrong) {
      const found = faults(mutant("first", more), mutant("second"));
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(fault);
    }
  });
});

describe("the outcome of a mutant", () => {
  const report = (...tests: [state: string, ...errors: string[]][]): Report => ({
    loading: [],
    tests: tests.map(([state, ...errors]) => ({ name: "a list > holds for 7", state, errors })),
  });
  const kindOf = (found: Report | undefined) => outcomeOf(found).kind;

  it("is that it was caught when an assertion fails", () => {
    expect(outcomeOf(report(["passed"], ["failed", "AssertionError: expected 200 to be 403\nand more"]))).toEqual({
      kind: "caught",
      why: "AssertionError: expected 200 to be 403",
    });
    expect(kindOf(report(["failed", "Error: Snapshot `the matrix 1` mismatched"]))).toBe("caught");
    expect(kindOf(report(["failed", "Error: first"], ["failed", "AssertionError: then this"]))).toBe("caught");
  });

  it("is that it survived when all tests that ran pass", () => {
    expect(kindOf(report(["passed"], ["skipped"]))).toBe("survived");
  });

  it("is unclear for every other failure", () => {
    const unclear = [
      undefined,
      report(),
      report(["skipped"]),
      report(["failed", "ReferenceError: x is not defined"]),
      report(["failed", "Error: Test timed out in 30000ms."]),
      report(["failed", "AssertionError: Internal Server Error: expected 500 not to be 500 // Object.is equality"]),
      { ...report(), loading: ["Error: Transform failed with 1 error"] },
    ];
    for (const found of unclear) expect(kindOf(found)).toBe("unclear");
  });

  it("is about the tests of the title alone", () => {
    const passed = report(["passed"]);
    expect([hasPassed(passed, "holds for %i"), hasPassed(passed, "holds for 7?"), hasPassed(report(["skipped"]), "holds for %i")]).toEqual([
      true,
      false,
      false,
    ]);
    expect(patternOf("a (b) costs 1.5 %s?")).toBe(String.raw`a \(b\) costs 1\.5 .*\?`);
  });
});
