import { describe, expect, it } from "vitest";
import { operations } from "../../src/app/openapi.ts";
import { routes } from "../../src/app/routes.ts";

describe("the documentation of operations", () => {
  it("exists for each operation, and for nothing else", () => {
    expect(Object.keys(operations).toSorted()).toEqual(routes.map(({ definition }) => definition.operationId).toSorted());
  });

  it("names a good answer of each", () => {
    const without = Object.entries(operations).filter(([, { answers }]) => !Object.keys(answers).some((status) => /^2\d\d$/.test(status)));
    expect(without.map(([operationId]) => operationId)).toEqual([]);
  });
});
