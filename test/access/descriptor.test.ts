import { describe, expect, it } from "vitest";
import { composedIds, readDescriptor } from "../../src/access/descriptor.ts";
import type { Tree } from "./naive.ts";

const node = (__type: string, members: object = {}): Tree => ({ __type, ...members });
const allow = (...permissions: string[]) => node("PermissionDescriptorAllow", { permissions });
const group = (...entries: unknown[]) => node("PermissionDescriptorGroup", { entries });
const when = (condition: unknown, subNode: unknown) => node("PermissionDescriptorCondition", { condition, subNode });
const stack = node("PermissionExpressionStack");
const isStack = (identity: string) =>
  node("PermissionExpressionEqual", { left: stack, right: node("PermissionLiteralExpressionStack", { identity }) });
const hasTag = (key: string) => node("PermissionExpressionHasTag", { context: stack, key });
const not = (one: unknown) => node("PermissionExpressionNot", { node: one });
const both = (left: unknown, right: unknown) => node("PermissionExpressionAnd", { left, right });
const either = (left: unknown, right: unknown) => node("PermissionExpressionOr", { left, right });
const read = (tree: unknown) => readDescriptor(tree, () => undefined);

describe("what a tree grants", () => {
  it("is put together: stacks with the same rights, and rights under the same condition", () => {
    const tree = group(
      allow("audit_logs:read"),
      when(isStack("a"), allow("stack:read", "stack:write")),
      when(isStack("b"), group(allow("stack:write"), allow("stack:read"))),
    );
    expect(read(tree)).toEqual([
      { scopes: ["audit_logs:read"], rules: null },
      { scopes: ["stack:read", "stack:write"], rules: [[{ is: "stack", id: "a" }], [{ is: "stack", id: "b" }]] },
    ]);
  });

  it("is nothing where the condition asks about what we do not have, under Not too", () => {
    const environment = node("PermissionExpressionHasTag", { context: node("PermissionExpressionEnvironment"), key: "x" });
    for (const test of [environment, not(environment), either(environment, node("PermissionLiteralExpressionBool", { value: true }))]) {
      expect(read(when(test, allow("stack:read")))).toEqual([]);
      const both = { condition: test, subNodeForTrue: allow("stack:read"), subNodeForFalse: allow("stack:read") };
      expect(read(node("PermissionDescriptorIfThenElse", both))).toEqual([]);
    }
  });

  it("is about stacks alone when the condition asks about a stack, even if it holds for each", () => {
    const same = node("PermissionExpressionEqual", { left: stack, right: stack });
    const text = node("PermissionLiteralExpressionString", { value: "x" });
    for (const test of [same, not(not(same)), not(node("PermissionExpressionEqual", { left: stack, right: text }))])
      expect(read(when(test, allow("audit_logs:read")))).toEqual([{ scopes: ["audit_logs:read"], rules: [[]] }]);
  });
});

describe("a tree that cannot be read", () => {
  const deep = (levels: number): Tree => (levels === 1 ? allow("a") : group(deep(levels - 1)));
  const many = <T>(count: number, one: (i: number) => T) => Array.from({ length: count }, (_, i) => one(i));

  it.each<[string, unknown, RegExp]>([
    ["no object", "text", /an object with the member __type/],
    ["null", null, /__type/],
    ["a list", [], /__type/],
    ["no type", { permissions: [] }, /__type/],
    ["an unknown type", node("PermissionDescriptorDeny"), /not a kind of permission descriptor/],
    ["a condition that is a text", when(node("PermissionLiteralExpressionString", { value: "x" }), allow("a")), /true or false/],
    ["a condition that is absent", node("PermissionDescriptorCondition", { subNode: allow("a") }), /__type/],
    ["an unknown expression", when(node("PermissionExpressionXor"), allow("a")), /not a kind of permission expression/],
    ["rights that are no texts", node("PermissionDescriptorAllow", { permissions: [1] }), /list of texts/],
    ["a tag of a literal", when(node("PermissionExpressionHasTag", { context: isStack("a"), key: "x" }), allow("a")), /context/],
    ["65 levels", deep(65), /at most 64 levels/],
    ["2,001 entries", group(...many(2001, () => allow("a"))), /at most 2000 entries/],
    ["an unknown record", node("PermissionDescriptorCompose", { permissionDescriptors: ["nobody"] }), /'nobody' is not a role/],
  ])("%s", (_, tree, message) => {
    expect(() => read(tree)).toThrow(message);
  });

  it("is read up to its limits", () => {
    expect(read(deep(64))).toEqual([{ scopes: ["a"], rules: null }]);
    expect(read(group(...many(2000, (i) => when(isStack(`s${i}`), allow("a")))))[0]!.rules).toHaveLength(2000);
    expect(composedIds(node("PermissionDescriptorCompose", { permissionDescriptors: ["b", "a", "b"] }))).toEqual(["b", "a"]);
  });

  /** Small trees of conditions that would need more rules than anyone can store. */
  it.each<[string, unknown]>([
    ["alternatives in each of 20 parts", many(20, (i) => either(hasTag(`a${i}`), hasTag(`b${i}`))).reduce(both)],
    ["the same, which contradict each other", many(20, (i) => either(hasTag(`a${i}`), not(hasTag(`a${i}`)))).reduce(both)],
    [
      "conditions that are compared, 50 levels deep",
      many(50, (i) => hasTag(`a${i}`)).reduce((left, right) => node("PermissionExpressionEqual", { left, right })),
    ],
    ["alternatives under Not", not(many(20, (i) => both(hasTag(`a${i}`), hasTag(`b${i}`))).reduce(either))],
  ])("%s", (_, condition) => {
    expect(() => read(when(condition, allow("stack:read")))).toThrow("too complex");
    expect(() => read(group(...many(100, () => when(condition, allow("stack:read")))))).toThrow("too complex");
  });

  it("2,000 options of a selection whose values are tags", () => {
    const tag = (key: string) => node("PermissionExpressionTag", { context: stack, key });
    const options = many(2000, (i) => ({ value: tag(`k${i}`), node: allow("a") }));
    expect(() => read(node("PermissionDescriptorSelect", { selector: tag("env"), options }))).toThrow("too complex");
    const literals = many(2000, (i) => ({ value: node("PermissionLiteralExpressionString", { value: `v${i}` }), node: allow("a") }));
    expect(read(node("PermissionDescriptorSelect", { selector: tag("env"), options: literals }))[0]!.rules).toHaveLength(2000);
  });
});
