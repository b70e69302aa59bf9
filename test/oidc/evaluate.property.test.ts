import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { evaluate } from "../../src/oidc/evaluate.ts";
import { matchesPattern } from "../../src/oidc/pattern.ts";
import type { PolicyDefinition } from "../../src/oidc/table.ts";
import { naive } from "./naive.ts";

/** There are few names and few letters, so that rules often match. */
const names = fc.constantFrom("sub", "ref", "a.b", "kubernetes.io", "__proto__", "constructor");
const letters = fc.constantFrom("a", "b", "/", ":", "é", "𝕏", ".", "-", "^", "$", "\n");
const texts = fc.string({ unit: letters, maxLength: 5 });
const scalars = fc.oneof(texts, fc.integer({ min: 0, max: 3 }), fc.boolean(), fc.constant(null));
const { claims } = fc.letrec((tie) => ({
  claims: fc.array(fc.tuple(names, tie("value")), { maxLength: 5 }).map((entries) => Object.fromEntries(entries) as unknown),
  value: fc.oneof({ depthSize: "small" }, { weight: 4, arbitrary: scalars }, fc.array(scalars, { maxLength: 3 }), tie("claims")),
}));
const patterns = fc.string({
  unit: fc.oneof({ weight: 3, arbitrary: letters }, fc.constantFrom("*", "?", ".", "0", "true")),
  maxLength: 5,
});
const paths = fc
  .array(names, { minLength: 1, maxLength: 2 })
  .map((parts) => parts.map((part) => (part.includes(".") ? `"${part}"` : part)).join("."));
const owners = fc.constantFrom("ops", "Ops", "op?", "*", "dev");

const definition: fc.Arbitrary<PolicyDefinition> = fc
  .record({
    decision: fc.constantFrom<"allow" | "deny">("allow", "allow", "allow", "deny"),
    tokenType: fc.constantFrom("organization", "organization", "team", "personal"),
    owner: owners,
    roleID: fc.option(fc.constantFrom("reader", "writer"), { nil: undefined, freq: 3 }),
    authorizedPermissions: fc.constantFrom<string[]>([], [], ["admin"], ["standard"]),
    rules: fc.array(fc.tuple(paths, patterns), { maxLength: 2 }).map((entries) => Object.fromEntries(entries)),
  })
  .map(({ owner, ...one }) => ({
    ...one,
    ...(one.tokenType === "team" && { teamName: owner }),
    ...(one.tokenType === "personal" && { userLogin: owner }),
  }));
const wanted = fc
  .record({
    tokenType: fc.constantFrom("organization", "organization", "team", "personal"),
    name: fc.constantFrom("ops", "OPS", "dev"),
    admin: fc.boolean(),
  })
  .map(({ tokenType, name, admin }) => ({
    tokenType,
    name: tokenType === "organization" ? "" : name,
    admin: admin && tokenType === "organization",
  }));

const tellOutcome = (outcome: ReturnType<typeof evaluate>, admin: boolean) =>
  outcome.allowed ? `allowed as ${admin ? "admin" : (outcome.roleID ?? "no role")}` : outcome.why;

it("decides as a naive model of the written rules does", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(definition, { maxLength: 4 }), wanted, claims, (policies, asked, token) => {
      const outcome = evaluate(policies, asked, token as Record<string, unknown>);
      expect(tellOutcome(outcome, asked.admin)).toBe(naive(policies, asked, token));
      // The order of the definitions has no influence.
      const reversed = evaluate(policies.toReversed(), asked, token as Record<string, unknown>);
      expect(tellOutcome(reversed, asked.admin)).toBe(tellOutcome(outcome, asked.admin));
      seen.add(tellOutcome(outcome, asked.admin));
    }),
    { numRuns: inject("sizes").policies },
  );
  // Every outcome occurs, so the test does not only compare refusals.
  expect([...seen]).toEqual(expect.arrayContaining(["denied", "unmatched", "not-admin", "allowed as no role", "allowed as admin"]));
});

it("matches patterns as regular expressions do", () => {
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      const asRule = { decision: "allow", tokenType: "organization", authorizedPermissions: [], rules: { sub: pattern } } as const;
      const asked = { tokenType: "organization", name: "", admin: false } as const;
      const expected = naive([{ ...asRule, authorizedPermissions: [] }], asked, { sub: text }).startsWith("allowed");
      expect(matchesPattern(pattern, text)).toBe(expected);
    }),
    { numRuns: inject("sizes").policies },
  );
});

it("takes bounded time for a pattern that makes regular expressions slow", () => {
  expect(matchesPattern(`${"*a".repeat(100)}b`, "a".repeat(1000))).toBe(false);
  expect(matchesPattern(`${"?".repeat(200)}${"a".repeat(200)}`, "a".repeat(200))).toBe(true);
});
