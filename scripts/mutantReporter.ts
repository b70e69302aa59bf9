/** A reporter of vitest for `scripts/mutants.ts`: writes each test with the errors behind its failure into the file `MUTANT_REPORT`. */
import { writeFileSync } from "node:fs";
import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";
import type { Report } from "./mutantOutcome.ts";

export default class implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const report: Report = {
      loading: modules.flatMap((module) => module.errors().map(textOf)),
      tests: modules
        .flatMap((module) => [...module.children.allTests()])
        .map((test) => ({
          name: test.fullName,
          state: test.result().state,
          errors: (test.result().errors ?? []).map((error) => textOf(error as SerializedError)),
        })),
    };
    writeFileSync(process.env["MUTANT_REPORT"]!, JSON.stringify(report));
  }
}

/** The failure of a property test has the failure of its example as its cause. */
function textOf(error: SerializedError): string {
  const { cause } = error as { cause?: SerializedError };
  return typeof cause === "object" ? textOf(cause) : `${error.name}: ${error.message}`;
}
