import { describe, expect, it } from "vitest";
import { operationOf } from "../../src/app/openapi.ts";
import { routes } from "../../src/app/routes.ts";
import { contract, deviation, deviationFromSchema, operations } from "../support/contract.ts";

if (!contract) console.log("The contract tests are skipped: the public contract is absent, see docs/reference/README.md.");

/** Operations that answer a query parameter of ours with a list of what has ended: a 200 that the contract does not have. */
const answersLists = ["DeleteOrgToken", "DeleteTeamToken", "DeletePersonalToken", "DeleteOrganizationMember"];

/**
 * Compares names and paths with the contract, and tests that the check finds faults. Answers are checked in every test that gets one, see
 * support/client.ts, and test/auth/matrix.test.ts makes a successful call of every route.
 */
describe.skipIf(!contract)("the public contract", () => {
  it("has each of our operations by name, method, path and status, unless it is marked as an extension", () => {
    const ours = routes.map(({ definition }) => definition);
    const odd = ours.filter(({ operationId, method, path, extension }) => {
      const theirs = operations.get(operationId);
      if (extension || !theirs) return Boolean(extension) === Boolean(theirs);
      const { answers } = operationOf(operationId);
      const statuses = Object.keys(theirs.responses).filter((status) => status.startsWith("2"));
      if (answersLists.includes(operationId)) statuses.push("200");
      return theirs.method !== method || theirs.path !== path || Object.keys(answers).some((status) => !statuses.includes(status));
    });
    expect(odd.map(({ operationId, method, path }) => `${operationId}: ${method} ${path}`)).toEqual([]);
  });

  it("is checked for every operation for which it has a schema", () => {
    const named = (operationId: string) => operations.get(operationId)?.responses["200"]?.content?.["application/json"]?.schema["$ref"];
    const shaped = routes.filter(({ definition }) => named(definition.operationId));
    for (const { definition } of shaped) expect(deviation(definition.operationId, 200, "no object"), definition.operationId).toBeDefined();
    expect(shaped.length).toBeGreaterThan(40);
  });

  const update = {
    info: { kind: "update", startTime: 1, endTime: 2, message: "", environment: {}, config: {}, result: "succeeded", version: 1 },
    latestVersion: 1,
    requestedBy: { githubLogin: "mel", name: "mel", avatarUrl: "" },
    updateID: "u",
    version: 1,
  };

  it("accepts correct answers, and members beyond the required ones", () => {
    expect(deviation("GetStackUpdate", 200, { ...update, more: 1 })).toBeUndefined();
    expect(deviation("GetStackUpdates", 200, { updates: [] })).toBeUndefined();
    expect(deviation("DeleteStack", 204, undefined)).toBeUndefined();
    expect(deviation("OurOwn", 200, 7)).toBeUndefined();
  });

  it.each([
    ["a member is missing", { ...update, updateID: undefined }, "updateID"],
    ["a number is text", { ...update, version: "1" }, "#/version"],
    ["an integer has a fraction", { ...update, version: 1.5 }, "#/version"],
    ["a member is null", { ...update, requestedBy: null }, "#/requestedBy"],
    ["a word is not one of those allowed", { ...update, info: { ...update.info, result: "done" } }, "#/info/result"],
    ["a map has a value of another type", { ...update, info: { ...update.info, environment: { a: 1 } } }, "#/info/environment/a"],
  ])("finds that %s", (_, answer, where) => {
    expect(deviation("GetStackUpdate", 200, JSON.parse(JSON.stringify(answer)))).toContain(where);
  });

  it("lets a cursor be null where the document's own words say so", () => {
    expect(deviation("GetEngineEvents_update", 200, { events: [], continuationToken: null })).toBeUndefined();
    expect(deviation("GetEngineEvents_update", 200, { events: [] })).toContain("continuationToken");
  });

  it("tells the kinds of a discriminated schema apart", () => {
    const name = "ChangeRequestEvent";
    const { mapping, propertyName } = contract!.components.schemas[name]!["discriminator"] as {
      mapping: Record<string, string>;
      propertyName: string;
    };
    const kind = Object.keys(mapping).find((key) => key === "commented")!;
    expect(deviationFromSchema(`${name} by kind`, { [propertyName]: "no such kind" })).toContain(propertyName);
    const of = (value: unknown) => deviationFromSchema(`${name} by kind`, { [propertyName]: kind, ...(value as object) }) ?? "";
    expect(of({ comment: 7 })).toContain("#/comment");
    expect(of({ comment: "fine" })).not.toContain("#/comment");
  });
});
