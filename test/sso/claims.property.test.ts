import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { personIn } from "../../src/sso/claims.ts";
import { givenByGroups, loginFrom, mayJoin } from "../../src/sso/decide.ts";
import type { GroupMapping } from "../../src/sso/table.ts";

const seed = inject("seed");

const DOMAINS = ["acme.example", "globex.example", "evil-acme.example"];
const GROUPS = ["ops", "admins", "/ops", "admin", ""];
const address = fc.oneof(
  fc.tuple(fc.constantFrom("eve", "EVE", "a b", "e@ve"), fc.constantFrom(...DOMAINS)).map(([name, domain]) => `${name}@${domain}`),
  fc.constantFrom("", "@acme.example", "eve@", "eve@acme.example@globex.example", "eve@acme.example\n", 7, null, ["eve@acme.example"]),
);
const truth = fc.constantFrom(true, false, "true", "false", 1, 0, null, undefined, "1", [true]);
const group = fc.oneof(
  fc.constantFrom<unknown>(...GROUPS, 1, null),
  fc.constantFrom(...GROUPS).map((name) => ({ name })),
  fc.constantFrom(...GROUPS).map((id) => ({ id, name: 3 })),
);
const claims = fc.record(
  {
    sub: fc.constantFrom<unknown>("s", "", 7, "x".repeat(300)),
    oid: fc.constantFrom<unknown>("o", 7),
    email: address,
    email_verified: truth,
    xms_edov: truth,
    hd: fc.constantFrom(...DOMAINS),
    groups: fc.oneof(fc.array(group), fc.constantFrom<unknown>("admins", 7, null, { admins: true })),
    _claim_names: fc.constant({ groups: "src1" }),
  },
  { requiredKeys: [] },
);
const mapping = fc.oneof(
  fc.record({ group: fc.constantFrom(...GROUPS), teamId: fc.constantFrom("t1", "t2") }),
  fc.record({ group: fc.constantFrom(...GROUPS), role: fc.constant("admin" as const) }),
);
const provider = fc.record({
  org: fc.constantFrom(null, { id: "1", name: "acme" }),
  issuer: fc.constantFrom("https://id.example.com", "https://accounts.google.com", "https://login.microsoftonline.com/t/v2.0"),
  allowedDomains: fc.subarray(DOMAINS),
  groupClaim: fc.constantFrom("", "groups"),
  groupMappings: fc.array(mapping, { maxLength: 4 }) as fc.Arbitrary<GroupMapping[]>,
});

type Claims = Record<string, unknown>;

/** The names that a claim contains, whatever its form. */
const namesIn = (claim: unknown): unknown[] =>
  (Array.isArray(claim) ? (claim as unknown[]) : [claim]).flatMap((one) =>
    typeof one === "object" && one !== null ? Object.values(one) : [one],
  );

it("no claim that was not allowed makes a member, an administrator, or a member of a team", () => {
  fc.assert(
    fc.property(
      claims,
      fc.option(claims, { nil: undefined }),
      provider,
      fc.subarray(DOMAINS),
      (idToken: Claims, userInfo: Claims | undefined, by, proven) => {
        const person = personIn(by, idToken, userInfo);
        if (!person) return;
        expect([idToken["sub"], idToken["oid"]]).toContain(person.subject);
        if (mayJoin(by, person, proven)) {
          const about = idToken["email"] === undefined ? userInfo! : idToken;
          const [, name, domain] = /^([^@\s]+)@([^@\s]+)$/.exec((about["email"] as string).toLowerCase())!;
          expect(person.email).toBe(`${name}@${domain}`);
          expect(by.allowedDomains).toContain(domain);
          if (by.org) expect(proven).toContain(domain);
          if (by.issuer.includes("microsoft")) expect([true, 1, "1"]).toContain(about["xms_edov"]);
          else expect(about["email_verified"]).toBe(true);
          if (by.issuer.includes("google")) expect(about["hd"]).toBe(domain);
        }
        const given = givenByGroups(by.groupMappings, person.mapped);
        if (!given) return;
        const has = [...namesIn(idToken["groups"]), ...namesIn(userInfo?.["groups"])];
        const fitting = by.groupMappings.filter((one) => has.includes(one.group));
        if (given.isAdmin) expect(fitting.some((one) => "role" in one)).toBe(true);
        for (const teamId of given.teamIds) expect(fitting).toContainEqual(expect.objectContaining({ teamId }));
      },
    ),
    { seed, numRuns: 2000 },
  );
});

it("a login is always one that an owner of stacks may have", () => {
  const names = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 100 }),
    fc.emailAddress(),
    fc.constantFrom("", "-", "__", "Ünïcödé", "a@b"),
  );
  fc.assert(
    fc.property(names, (name) => {
      for (const suffix of ["", "-1a2b"]) expect(loginFrom(name) + suffix).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9-_]{1,38}[a-zA-Z0-9]$/);
    }),
    { seed, numRuns: 1000 },
  );
});
