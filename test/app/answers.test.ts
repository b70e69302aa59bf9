import { describe, expect, it } from "vitest";
import { answers } from "../../src/app/answers.ts";
import { routes } from "../../src/app/routes.ts";

describe("the answers", () => {
  it("are those of the operations, no more and no fewer", () => {
    expect(Object.keys(answers).toSorted()).toEqual(routes.map(({ definition }) => definition.operationId).toSorted());
  });

  it("have a good one for each", () => {
    const without = Object.entries(answers).filter(([, byStatus]) => !Object.keys(byStatus).some((status) => /^2\d\d$/.test(status)));
    expect(without.map(([operationId]) => operationId)).toEqual([]);
  });
});
