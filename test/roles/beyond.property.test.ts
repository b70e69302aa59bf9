import * as fc from "fast-check";
import type { Rule } from "../../src/access/rules.ts";
import { expect, it } from "vitest";
import { type OrgPermission, orgPermissions } from "../../src/access/permissions.ts";
import { decide, scopesBeyond } from "../../src/auth/policy.ts";
import type { Actor, CustomRole, OrgSettings, Rights } from "../../src/context.ts";
import { roles, stackPermissions } from "../../src/orgs/table.ts";
import { type StackRule, tokenRoles } from "../../src/tokens/table.ts";
import { noLimits } from "../support/limits.ts";

const org = { id: "1", name: "acme" };
const token = { id: "t", name: "ci", hash: "h" };
const at = { now: 1000, address: "", country: "", defaultEdition: "enterprise" } as const;
const unknown = ["environment:read", "stack_deployment:read"];

const scopes = fc.uniqueArray(fc.constantFrom<string>(...orgPermissions, ...unknown), { maxLength: 8 });
const onSome: Rule[] = [[{ is: "hasTag", key: "open" }]];
const grants = fc.array(fc.record({ scopes, rules: fc.constantFrom<Rule[] | null>(null, onSome) }), { maxLength: 3 });
const settings: fc.Arbitrary<OrgSettings> = fc.record({
  version: fc.constant(0),
  edition: fc.constant(null),
  trialEndsAt: fc.constant(0),
  defaultStackPermission: fc.constantFrom(...Object.values(stackPermissions)),
  membersCanCreateStacks: fc.boolean(),
  membersCanDeleteStacks: fc.boolean(),
  membersCanTransferStacks: fc.boolean(),
  maxTokenExpiryDays: fc.constant(null),
  ssoRequired: fc.constant("off" as const),
  ssoReauthDays: fc.constant(30),
  allowedCidrs: fc.constant([]),
  allowedCountries: fc.constant([]),
});
const rights: fc.Arbitrary<Omit<Rights, "role">> = fc.record({
  custom: fc.option(grants.map((list): CustomRole => ({ id: "r", name: "role", grants: list }))),
  ofTeams: grants,
  hasStackGrants: fc.boolean(),
});
const stackRules = fc.constantFrom<StackRule[] | null>(null, []);

const person = fc.record({ role: fc.constantFrom(...roles), settings, rights }).map((made): Actor => ({
  kind: "user",
  token,
  limits: noLimits,
  user: { id: "u", login: "mel", name: "Mel", email: "" },
  memberships: [
    {
      org,
      role: made.role,
      settings: made.settings,
      ...made.rights,
      access: "[null,[]]",
      isEmergency: false,
      ssoProofAt: null,
      isAccepted: true,
      addedBy: "",
    },
  ],
}));
const machine = fc.record({ role: fc.constantFrom(...tokenRoles), settings, rights, stackRules }).map((made): Actor => ({
  kind: "organization",
  token,
  limits: { ...noLimits, stackRules: made.stackRules },
  org,
  settings: made.settings,
  team: "",
  role: made.role,
  ...made.rights,
}));
const membershipOf = (actor: Actor) => (actor.kind === "user" ? actor.memberships[0]! : actor);

const holder = (role: string[], of: OrgSettings): Actor => ({
  kind: "organization",
  token,
  limits: noLimits,
  org,
  settings: of,
  team: "",
  role: "member",
  custom: { id: "new", name: "new", grants: [{ scopes: role, rules: null }] },
  ofTeams: [],
  hasStackGrants: false,
});

/** The rights of everybody in the organization. */
const everyone: OrgPermission[] = ["organization:read", "org_member:read", "team:list"];

it("a role that a caller may give opens nothing that the caller may not do", () => {
  fc.assert(
    fc.property(fc.oneof(person, machine), scopes, (actor, role) => {
      const place = membershipOf(actor);
      if (scopesBeyond(actor, place, role).length > 0) return;
      const given = holder(role, place.settings);
      for (const permission of orgPermissions)
        if (!everyone.includes(permission) && decide(given, permission, "acme", at) === "allowed")
          expect(decide(actor, permission, "acme", at), permission).toBe("allowed");
    }),
    { numRuns: 2000 },
  );
});

it("an administrator in person may give everything, and a limited token nothing", () => {
  fc.assert(
    fc.property(person, machine, scopes, (one, other, role) => {
      const place = membershipOf(one);
      if (place.role === "admin" && place.custom === null) expect(scopesBeyond(one, place, role)).toEqual([]);
      if (other.limits.stackRules !== null) expect(scopesBeyond(other, membershipOf(other), role)).toEqual(role);
    }),
  );
});

it("a machine gives no right that is for people only, and nobody but an administrator a scope without meaning", () => {
  fc.assert(
    fc.property(machine, (actor) => {
      const place = membershipOf(actor);
      for (const scope of ["org_token:create", "org_token:delete", "org_member:set_admin", "stack:transfer"])
        expect(scopesBeyond(actor, place, [scope])).toEqual([scope]);
      const isAdmin = place.role === "admin" && place.custom === null && actor.limits.stackRules === null;
      expect(scopesBeyond(actor, place, ["no:such"]).length).toBe(isAdmin ? 0 : 1);
    }),
  );
});
