import { describe, expect, it } from "vitest";
import { operations } from "../../src/app/operations.ts";
import { routes } from "../../src/app/routes.ts";

describe("what is told of operations", () => {
  it("is told of each that there is, and of no other", () => {
    expect(Object.keys(operations).toSorted()).toEqual(routes.map(({ definition }) => definition.operationId).toSorted());
  });

  it("names a good answer of each", () => {
    const without = Object.entries(operations).filter(([, { answers }]) => !Object.keys(answers).some((status) => /^2\d\d$/.test(status)));
    expect(without.map(([operationId]) => operationId)).toEqual([]);
  });
});
