/**
 * Explains a decision by the sources of rights that allow it: roles, grants and settings. It has no rules of its own: it asks `decide` again for an
 * actor who has fewer of them. No source takes a right away, so each source that allows something alone is a reason. Pure.
 */
import type { ScopeGrant } from "../access/descriptor.ts";
import type { OrgPermission } from "../access/permissions.ts";
import type { StackFacts } from "../access/rules.ts";
import type { Actor, OrgSettings, OrganizationRef, Rights, TokenLimits } from "../context.ts";
import type { StackPermission } from "../orgs/table.ts";
import type { GrantPermission } from "../teams/table.ts";
import type { TokenRole } from "../tokens/table.ts";
import { type Circumstances, type StackRef, type Verdict, decide, hasEffect, isPersonOnly, toggleOf } from "./policy.ts";

/** Something that gives rights. In a question without a stack a grant is any grant on a single stack. */
export type Source =
  | { by: "membership" }
  | { by: "role"; role: TokenRole }
  | { by: "default-permission"; permission: StackPermission }
  | { by: "custom-role"; role: string; isDefault: boolean; grants: ScopeGrant[] }
  | { by: "team-role"; team: string; role: string; grants: ScopeGrant[] }
  | { by: "team-grant"; team: string; permission: GrantPermission }
  /** A grant to the person or to the token itself. */
  | { by: "direct-grant" | "creator-grant"; permission: GrantPermission };

/** Somebody with rights in an organization, and everything that gives them. */
export interface Holder {
  kind: Actor["kind"];
  org: OrganizationRef;
  settings: OrgSettings;
  limits: TokenLimits;
  sources: Source[];
}

export interface Question {
  permission: OrgPermission;
  /** Undefined for a question about the whole organization. */
  stack: (StackRef & StackFacts) | undefined;
  circumstances: Circumstances;
}

/** The reason of a refusal. */
export type Refusal =
  | "no-right"
  | "administrators-only"
  | "people-only"
  | "setting"
  | "token-stacks"
  | Extract<Verdict, "network" | "expiry-policy" | "edition">;

/** Limits of a person, or of a token that has none. */
export const noLimits: TokenLimits = {
  version: 0,
  expiresAt: null,
  isExempt: true,
  isSession: false,
  isExchanged: false,
  onlyOrgId: null,
  stackRules: null,
  allowedCidrs: [],
  allowedCountries: [],
  retiresAt: null,
  successor: "",
};

/**
 * The sources of which each alone allows what was asked; none if it is refused. What everybody in the organization may do has one reason,
 * the membership. The default permission is no reason where the role Member is enough.
 */
export function reasonsFor(holder: Holder, question: Question): Source[] {
  if (!allows(holder, holder.sources, question)) return [];
  if (allows(holder, [], question)) return [{ by: "membership" }];
  const alone = holder.sources.filter((source) => allows(holder, [source], question));
  return alone.some(({ by }) => by === "role") ? alone.filter(({ by }) => by !== "default-permission") : alone;
}

/** Why it is refused. */
export function refusalOf(holder: Holder, question: Question): Refusal {
  const { kind, limits, settings, sources } = holder;
  const { permission } = question;
  const verdict = verdictOf(holder, sources, question);
  if (verdict === "network" || verdict === "expiry-policy" || verdict === "edition") return verdict;
  if (kind !== "user" && isPersonOnly(permission)) return "people-only";
  if (allows({ ...holder, limits: { ...limits, stackRules: null } }, sources, question)) return "token-stacks";
  const toggle = toggleOf(permission);
  if (toggle && allows({ ...holder, settings: { ...settings, [toggle]: true } }, sources, question)) return "setting";
  return hasEffect(permission) ? "no-right" : "administrators-only";
}

const allows = (holder: Holder, sources: Source[], question: Question): boolean => verdictOf(holder, sources, question) === "allowed";

const verdictOf = (holder: Holder, sources: Source[], { permission, stack, circumstances }: Question): Verdict =>
  decide(actorWith(holder, sources, stack), permission, holder.org.name, circumstances, stack);

/** The holder as a caller who has these sources and no others. */
function actorWith({ kind, org, limits, settings: all }: Holder, sources: Source[], stack: Question["stack"]): Actor {
  const granted = sources.flatMap((source) => (isGrant(source) ? [source.permission] : []));
  const settings = { ...all, defaultStackPermission: find(sources, "default-permission")?.permission ?? 0 };
  const rights: Rights = {
    ...builtInRole(sources),
    ofTeams: sources.flatMap((source) => (source.by === "custom-role" || source.by === "team-role" ? source.grants : [])),
    hasStackGrants: granted.length > 0,
  };
  const caller = {
    token: { id: "", name: "", hash: "" },
    limits,
    ...(stack && {
      onStack: {
        projectName: stack.projectName,
        stackName: stack.stackName,
        needs: [],
        guarded: 0,
        facts: { stackId: stack.stackId, tags: stack.tags, granted },
      },
    }),
  };
  if (kind !== "user") return { ...caller, ...rights, kind, org, settings, team: "" };
  const membership = {
    ...rights,
    role: rights.role as "member",
    org,
    settings,
    access: "",
    isEmergency: true,
    ssoProofAt: null,
    isAccepted: true,
    addedBy: "",
  };
  return { ...caller, kind, user: { id: "", login: "", name: "", email: "" }, memberships: [membership] };
}

/** The default permission is a part of the role Member. Without a built-in role the actor has a custom role, which gives nothing by itself. */
function builtInRole(sources: Source[]): Pick<Rights, "role" | "custom"> {
  const role = find(sources, "role")?.role ?? (find(sources, "default-permission") && "member");
  return role ? { role, custom: null } : { role: "member", custom: { id: "", name: "", grants: [] } };
}

const isGrant = (source: Source): source is Extract<Source, { by: `${string}-grant` }> => source.by.endsWith("-grant");

const find = <By extends Source["by"]>(sources: Source[], by: By) =>
  sources.find((source): source is Extract<Source, { by: By }> => source.by === by);
