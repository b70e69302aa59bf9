import { describe, expect, it } from "vitest";
import { hasEverything } from "../../src/auth/editions.ts";
import { type OrgPermission, orgPermissions } from "../../src/access/permissions.ts";
import { decide } from "../../src/auth/policy.ts";
import type { Actor, OrgSettings } from "../../src/context.ts";
import { type Role, type StackPermission, stackPermissions } from "../../src/orgs/table.ts";
import type { TokenRole } from "../../src/tokens/table.ts";
import { noLimits, noRights } from "../support/limits.ts";

const open: OrgSettings = {
  version: 0,
  edition: null,
  trialEndsAt: 0,
  defaultStackPermission: stackPermissions.admin,
  membersCanCreateStacks: true,
  membersCanDeleteStacks: true,
  membersCanTransferStacks: true,
  maxTokenExpiryDays: null,
  ssoRequired: "off",
  ssoReauthDays: 30,
  allowedCidrs: [],
  allowedCountries: [],
};
const org = { id: "1", name: "acme" };
const token = { id: "t", name: "ci", hash: "h" };
const at = { now: 1000, address: "", country: "", defaultEdition: "enterprise" } as const;

const person = (role: Role, settings: Partial<OrgSettings> = {}): Actor => ({
  kind: "user",
  token,
  limits: noLimits,
  user: { id: "u", login: "mel", name: "Mel", email: "" },
  memberships: [
    {
      org,
      role,
      ...noRights,
      settings: { ...open, ...settings },
      access: "[null,[]]",
      isEmergency: false,
      ssoProofAt: null,
      isAccepted: true,
      addedBy: "",
    },
  ],
});
const machine = (role: TokenRole, settings: Partial<OrgSettings> = {}): Actor => ({
  kind: "organization",
  token,
  limits: noLimits,
  org,
  settings: { ...open, ...settings },
  team: "",
  role,
  ...noRights,
});
const may = (actor: Actor, circumstances: Parameters<typeof decide>[3] = at) =>
  orgPermissions.filter((permission) => decide(actor, permission, "acme", circumstances) === "allowed");

/** The rights for work on a stack. */
const stackWork = orgPermissions.filter((p) => p.startsWith("stack") && !p.endsWith("_deleted"));
const ofReaders: OrgPermission[] = [
  "stack:list",
  "stack:read",
  "stack:preview",
  "stack:export",
  "stack:encrypt",
  "stack:decrypt",
  "stack_access:read",
];
const ofOwners: OrgPermission[] = ["stack:delete", "stack:rename", "stack:transfer", "stack_access:update"];
/** The master key belongs to the deployment, so the owner of a stack has no right to rotate it. */
const ofAdmins: OrgPermission[] = ["stack:reencrypt"];
/** A machine's token is valid in one organization only, so it cannot transfer a stack. */
const ofPeople: OrgPermission[] = ["stack:transfer"];
const onStacks = (actor: Actor) => may(actor).filter((p) => stackWork.includes(p));

describe("the default permission on stacks", () => {
  const expected: [StackPermission, OrgPermission[]][] = [
    [stackPermissions.none, []],
    [stackPermissions.read, ofReaders],
    [stackPermissions.write, stackWork.filter((permission) => ![...ofOwners, ...ofAdmins].includes(permission))],
    [stackPermissions.admin, stackWork.filter((permission) => !ofAdmins.includes(permission))],
  ];

  it.each(expected)("%i is what a member and a standard token may do on stacks", (defaultStackPermission, allowed) => {
    expect(onStacks(person("member", { defaultStackPermission }))).toEqual(allowed);
    expect(onStacks(machine("member", { defaultStackPermission }))).toEqual(allowed.filter((p) => !ofPeople.includes(p)));
  });

  it.each(expected)("%i takes nothing from administrators and gives nothing to billing managers", (defaultStackPermission) => {
    expect(may(person("admin", { defaultStackPermission }))).toEqual([...orgPermissions]);
    expect(onStacks(machine("admin", { defaultStackPermission }))).toEqual(stackWork.filter((p) => !ofPeople.includes(p)));
    expect(onStacks(machine("read-only", { defaultStackPermission }))).toEqual(ofReaders);
    expect(may(person("billing-manager", { defaultStackPermission }))).toEqual(["organization:read", "org_member:read", "team:list"]);
  });

  it("takes nothing else from members", () => {
    for (const [defaultStackPermission] of expected)
      expect(may(person("member", { defaultStackPermission }))).toEqual(
        expect.arrayContaining(["organization:read", "org_member:read", "team:list"]),
      );
  });
});

describe("a rule of a token", () => {
  const stack = { projectName: "web", stackName: "dev" };
  const ruled = (access: "read" | "preview" | "write", role: TokenRole = "member"): Actor => ({
    ...machine(role),
    limits: { ...noLimits, stackRules: [{ project: "web", stack: "*", access }] },
  });
  const onStack = (actor: Actor) =>
    orgPermissions.filter((p) => p.startsWith("stack") && decide(actor, p, "acme", at, stack) === "allowed");

  it("for reading allows no preview, a rule for previews allows what the read-only role does, and a rule for writing what the token's role does", () => {
    expect(onStack(ruled("read"))).toEqual(ofReaders.filter((p) => p !== "stack:preview"));
    expect(onStack(ruled("preview"))).toEqual(ofReaders);
    expect(onStack(ruled("preview", "read-only"))).toEqual(ofReaders);
    expect(onStack(ruled("write", "read-only"))).toEqual(ofReaders);
    expect(onStack(ruled("write"))).toEqual(onStacks(machine("member")));
    expect(onStack(ruled("preview", "billing-manager"))).toEqual([]);
  });
});

describe("what an organization takes from its members", () => {
  it.each([
    ["membersCanCreateStacks", "stack:create"],
    ["membersCanDeleteStacks", "stack:delete"],
    ["membersCanTransferStacks", "stack:transfer"],
  ] as const)("%s is about %s and nothing else", (toggle, permission) => {
    for (const actor of [person, machine])
      expect(may(actor("member", { [toggle]: false }))).toEqual(may(actor("member")).filter((p) => p !== permission));
    expect(may(person("admin", { [toggle]: false }))).toContain(permission);
  });
});

describe("editions", () => {
  it.each([
    ["community", false],
    ["team", false],
    ["enterprise", true],
    ["business-critical", true],
  ] as const)("%s by itself: everything is %s", (edition, everything) => {
    expect(hasEverything({ ...open, edition }, "enterprise", 1000)).toBe(everything);
    // An organization without an edition of its own has the edition of the deployment.
    expect(hasEverything(open, edition, 1000)).toBe(everything);
  });

  it("a trial gives everything until it ends, to the millisecond", () => {
    const trying: OrgSettings = { ...open, edition: "community", trialEndsAt: 1000 };
    expect(hasEverything(trying, "community", 999)).toBe(true);
    expect(hasEverything(trying, "community", 1000)).toBe(false);
  });

  it("lack four rights, and change nothing for a caller without these rights", () => {
    const poor = { edition: "community" } as const;
    const lacking = orgPermissions.filter((permission) => decide(person("admin", poor), permission, "acme", at) === "edition");
    expect(lacking).toEqual(["org_token:create", "team:create_token", "audit_logs:read", "audit_logs:export"]);
    for (const permission of lacking) expect(decide(person("member", poor), permission, "acme", at)).toBe("forbidden");
  });
});
