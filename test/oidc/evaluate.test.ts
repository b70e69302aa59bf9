import { describe, expect, it } from "vitest";
import type { Claims } from "../../src/oidc/claims.ts";
import { decideOn } from "../../src/oidc/decide.ts";
import { evaluate } from "../../src/oidc/evaluate.ts";
import type { IssuerRow } from "../../src/oidc/issuer.ts";
import { stackRulesFor } from "../../src/oidc/stacks.ts";
import type { PolicyDefinition, PolicyStack } from "../../src/oidc/table.ts";

const organization = { tokenType: "organization", name: "", admin: false } as const;
const allow = (rules: Record<string, string>, more: Partial<PolicyDefinition> = {}): PolicyDefinition => ({
  decision: "allow",
  tokenType: "organization",
  authorizedPermissions: [],
  rules,
  ...more,
});
const deny = (rules: Record<string, string>): PolicyDefinition => ({ ...allow(rules), decision: "deny" });
const isAllowed = (policies: PolicyDefinition[], claims: Claims) => evaluate(policies, organization, claims).allowed;
const stacksOn = (project: string): PolicyStack[] => [{ project, stack: "*", access: "write" }];

describe("a value that is not compared", () => {
  const policies = [allow({ repository_id: "74" }), deny({ ref: "refs/heads/untrusted*" })];
  it.each<[string, unknown]>([
    ["a long text", `refs/heads/untrusted${"x".repeat(2000)}`],
    ["a long text in a list", ["x", `refs/heads/untrusted${"x".repeat(2000)}`]],
    ["a number that has lost digits", 2 ** 60],
  ])("escapes no definition that denies: %s", (_, ref) => {
    expect(isAllowed(policies, { repository_id: "74", ref })).toBe(false);
    expect(isAllowed(policies, { repository_id: "74", ref: "refs/heads/main" })).toBe(true);
  });

  it("meets no definition that allows", () => {
    expect(isAllowed([allow({ id: "*" })], { id: "x".repeat(1025) })).toBe(false);
    expect(isAllowed([allow({ id: "*" })], { id: "x".repeat(1024) })).toBe(true);
    // Both ids are the same number after parsing.
    const claims = JSON.parse('{"id": 9007199254740993}') as Claims;
    expect(isAllowed([allow({ id: "9007199254740992" })], claims)).toBe(false);
    expect(isAllowed([allow({ id: "9007199254740991" })], { id: 9_007_199_254_740_991 })).toBe(true);
  });
});

describe("claims of other types", () => {
  it.each<[string, unknown]>([
    ["an object", { main: true }],
    ["null", null],
    ["a list of lists", [["main"]]],
    ["an empty list", []],
    ["nothing", undefined],
  ])("match nothing: %s", (_, ref) => expect(isAllowed([allow({ ref: "*" })], { ref })).toBe(false));

  it("have no members of every object", () => {
    for (const claim of ["constructor", "__proto__", "toString", "constructor.name", "sub.length"])
      expect(isAllowed([allow({ [claim]: "*" })], { sub: "x" }), claim).toBe(false);
  });

  it("are compared as they are written: no case, no form of Unicode and no white space is made equal", () => {
    for (const ref of ["MAIN", " main", "main\n", "main\0", "ｍain", "ma\u0131n", "main\u200b"])
      expect(isAllowed([allow({ ref: "main" })], { ref }), ref).toBe(false);
    expect(isAllowed([allow({ ref: "caf\u00e9" })], { ref: "cafe\u0301" })).toBe(false);
    expect(isAllowed([allow({ ref: "a.b" })], { ref: "a🎈b" })).toBe(true);
    expect(isAllowed([allow({ ref: "a.b" })], { ref: "a\ud800b" })).toBe(true);
  });
});

describe("several definitions that allow", () => {
  it("give a role on the stacks of those that give it, and on no others", () => {
    const strong = allow({}, { roleID: "strong", stacks: stacksOn("shop") });
    const weak = allow({});
    for (const policies of [
      [strong, weak],
      [weak, strong],
    ])
      expect(evaluate(policies, organization, {})).toMatchObject({ allowed: true, roleID: "strong", stacks: stacksOn("shop") });
    expect(evaluate([strong, allow({}, { stacks: stacksOn("web") })], organization, {})).toMatchObject({ stacks: stacksOn("shop") });
    expect(evaluate([strong, allow({}, { roleID: "strong" })], organization, {})).toMatchObject({ stacks: null });
  });

  it("give the stacks of all of them without a role", () => {
    const both = [allow({}, { stacks: stacksOn("shop") }), allow({}, { stacks: stacksOn("web") })];
    expect(evaluate(both, organization, {})).toMatchObject({ stacks: [...stacksOn("shop"), ...stacksOn("web")] });
    expect(evaluate([...both, allow({})], organization, {})).toMatchObject({ stacks: null });
  });
});

describe("the audience of another service", () => {
  const vault = "https://vault.example.com";
  const decide = (policies: PolicyDefinition[], claims: Claims) => {
    const issuer = { audiences: [], policies } as unknown as IssuerRow;
    const decided = decideOn(issuer, organization, claims, "acme", "https://stackpass.example.com");
    return "code" in decided ? (decided.detail ?? decided.told) : decided.by;
  };

  it("is accepted by the definition that names it, and by no other", () => {
    const policies = [allow({ sub: "a", aud: vault }), allow({ sub: "b" })];
    expect(decide(policies, { sub: "a", aud: vault })).toEqual([0]);
    expect(decide(policies, { sub: "b", aud: vault })).toContain("policy 2: it does not name the audience of the token");
    expect(decide(policies, { sub: "b", aud: [vault, "urn:pulumi:org:acme"] })).toEqual([1]);
    expect(decide(policies, { sub: "b", aud: "urn:pulumi:org:acme" })).toEqual([1]);
  });

  it("is denied by any definition, and accepted by no wildcard and by no dot", () => {
    expect(decide([allow({ aud: vault }), deny({ sub: "b" })], { sub: "b", aud: vault })).toContain("denies");
    expect(decide([allow({ aud: "https://vault*" })], { aud: vault })).toContain("not meant for this service");
    expect(decide([allow({ aud: vault })], { aud: "https://vaultxexample.com" })).toContain("not meant for this service");
  });
});

describe("a claim in a pattern of stacks", () => {
  const filled = (project: string, claims: Claims) => stackRulesFor([{ project, stack: "*", access: "write" }], claims);

  it.each<[string, unknown]>([
    ["a wildcard", "*"],
    ["a wildcard in a name", "shop*"],
    ["a slash", "acme/shop"],
    ["a line break at its end", "shop\n"],
    ["a NUL", "shop\0"],
    ["other letters", "shöp"],
    ["a brace", "{sub}"],
    ["nothing", ""],
    ["an object", { a: "shop" }],
    ["two texts", ["shop", "web"]],
  ])("stands for no value with %s", (_, environment) => {
    expect(filled("{environment}", { environment, sub: "secret" })).toEqual({ unusable: "environment" });
  });

  it("stands for names alone, which no path can leave", () => {
    // A pattern is compared with whole names, so dots have no meaning.
    expect(filled("{environment}", { environment: ".." })).toMatchObject({ rules: [{ project: ".." }] });
    expect(filled("{repository_name}", { repository: "acme/shop" })).toMatchObject({ rules: [{ project: "shop" }] });
    expect(filled("{repository_name}", { repository: "acme/shop/*" })).toEqual({ unusable: "repository_name" });
    expect(filled("{repository_name}", { repository: ["a/shop", "b/web"] })).toEqual({ unusable: "repository_name" });
    expect(filled("$&{environment}", { environment: "dev" })).toMatchObject({ rules: [{ project: "$&dev" }] });
  });
});
