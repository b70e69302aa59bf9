import * as fc from "fast-check";
import type { StackFacts } from "../../src/access/rules.ts";
import type { Tree } from "./naive.ts";

/** Few keys, values and ids, so that they often meet. `constructor` and `__proto__` are ordinary keys here. */
const keys = ["env", "team", "constructor", "__proto__"];
const texts = ["prod", "dev", ""];
const ids = ["s1", "s2", "s3"];
export const scopes = ["stack:read", "stack:write", "stack:export", "audit_logs:read", "unknown:scope"];

const node = (__type: string, members: object = {}): Tree => ({ __type, ...members });
const stack = node("PermissionExpressionStack");
const literal = fc.oneof(
  fc.constantFrom(...texts).map((value) => node("PermissionLiteralExpressionString", { value })),
  fc.constantFrom(...ids).map((identity) => node("PermissionLiteralExpressionStack", { identity })),
  fc.boolean().map((value) => node("PermissionLiteralExpressionBool", { value })),
  fc.constantFrom(0, 1.5).map((value) => node("PermissionLiteralExpressionNumber", { value })),
);
const context = fc.oneof({ weight: 9, arbitrary: fc.constant(stack) }, fc.constant(node("PermissionExpressionEnvironment")));
const tag = fc.tuple(context, fc.constantFrom(...keys)).map(([of, key]) => node("PermissionExpressionTag", { context: of, key }));
const hasTag = fc.tuple(context, fc.constantFrom(...keys)).map(([of, key]) => node("PermissionExpressionHasTag", { context: of, key }));
const unsupported = fc.constantFrom(
  node("PermissionExpressionTeam"),
  node("PermissionLiteralExpressionEnvironment", { identity: "e" }),
  node("PermissionLiteralExpressionInsightsAccount", { identity: "a" }),
);

const { condition } = fc.letrec<{ condition: Tree }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.boolean().map((value) => node("PermissionLiteralExpressionBool", { value })),
    hasTag,
    fc
      .tuple(fc.oneof(tag, fc.constant(stack), literal), fc.oneof(tag, literal, unsupported))
      .map(([left, right]) => node("PermissionExpressionEqual", { left, right })),
    fc.tuple(tie("condition"), tie("condition")).map(([left, right]) => node("PermissionExpressionEqual", { left, right })),
    fc.tuple(tie("condition"), tie("condition")).map(([left, right]) => node("PermissionExpressionAnd", { left, right })),
    fc.tuple(tie("condition"), tie("condition")).map(([left, right]) => node("PermissionExpressionOr", { left, right })),
    tie("condition").map((one) => node("PermissionExpressionNot", { node: one })),
  ),
}));

const allow = fc.subarray(scopes, { minLength: 1, maxLength: 2 }).map((permissions) => node("PermissionDescriptorAllow", { permissions }));

/** @param composed ids of other records that a tree may include */
export const treesWith = (composed: string[]) =>
  fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      allow,
      ...(composed.length > 0
        ? [
            fc
              .subarray(composed, { minLength: 1 })
              .map((permissionDescriptors) => node("PermissionDescriptorCompose", { permissionDescriptors })),
          ]
        : []),
      fc.array(tie("tree"), { maxLength: 3 }).map((entries) => node("PermissionDescriptorGroup", { entries })),
      fc.tuple(condition, tie("tree")).map(([when, subNode]) => node("PermissionDescriptorCondition", { condition: when, subNode })),
      fc
        .tuple(condition, tie("tree"), tie("tree"))
        .map(([when, yes, no]) => node("PermissionDescriptorIfThenElse", { condition: when, subNodeForTrue: yes, subNodeForFalse: no })),
      fc
        .tuple(
          fc.oneof(tag, fc.constant(stack), hasTag),
          fc.array(
            fc.record({
              value: fc.oneof({ weight: 6, arbitrary: literal }, { weight: 2, arbitrary: tag }, { weight: 1, arbitrary: unsupported }),
              node: tie("tree"),
            }),
            {
              maxLength: 4,
            },
          ),
        )
        .map(([selector, options]) => node("PermissionDescriptorSelect", { selector, options })),
    ),
  })).tree;

export const facts: fc.Arbitrary<StackFacts> = fc.record({
  stackId: fc.constantFrom(...ids),
  tags: fc
    .dictionary(fc.constantFrom(...keys), fc.constantFrom(...texts), { noNullPrototype: true })
    .map((tags) => Object.assign(Object.create(null) as Record<string, string>, tags)),
});
