import type { ScopeGrant } from "./access/descriptor.ts";
import type { OrgPermission } from "./access/permissions.ts";
import type { StackFacts } from "./access/rules.ts";
import type { Bindings } from "./env.ts";
import type { Store } from "./db/client.ts";
import type { RoundTrips } from "./metrics/roundTrips.ts";
import type { Edition, Role, StackPermission } from "./orgs/table.ts";
import type { GrantPermission } from "./teams/table.ts";
import type { StackRule, TokenRole } from "./tokens/table.ts";

export interface OrganizationRef {
  id: string;
  name: string;
}

/**
 * What an organization has decided that its callers are judged by. Read together with the identity and as old as it is; a guard
 * compares `version`, so that nothing is written, exported or decrypted on settings that have changed.
 */
export interface OrgSettings {
  version: number;
  edition: Edition | null;
  /** Milliseconds since 1970. */
  trialEndsAt: number;
  defaultStackPermission: StackPermission;
  membersCanCreateStacks: boolean;
  membersCanDeleteStacks: boolean;
  membersCanTransferStacks: boolean;
  maxTokenExpiryDays: number | null;
  allowedCidrs: string[];
  allowedCountries: string[];
}

export interface TokenRef {
  id: string;
  name: string;
  /** Of a console session: id of the personal token that opened it. */
  openedWith?: string;
  /**
   * Hash of the value that this request presented, which every guard compares with the token's row. Computed for each request and kept
   * nowhere: not in the cache, not in a log, not in an audit record.
   */
  hash: string;
}

/**
 * What a token is limited to, whoever holds it. Read together with the identity; a guard compares `version`, so that nothing is
 * written, exported or decrypted on limits that have changed.
 */
export interface TokenLimits {
  version: number;
  /** Milliseconds since 1970; null: never. Of a session that a token opened: that token's. */
  expiresAt: number | null;
  /** A console session that no token opened has its own short life: no policy on expiry holds for it. */
  isExempt: boolean;
  /** Null: every stack that the role opens. */
  stackRules: StackRule[] | null;
  allowedCidrs: string[];
  allowedCountries: string[];
  /** End of the overlap with the successor, and its name; null and "" while there is none. */
  retiresAt: number | null;
  successor: string;
}

/** A custom role that somebody or something has in place of a built-in one. */
export interface CustomRole {
  id: string;
  name: string;
  grants: ScopeGrant[];
}

/** The rights that roles, teams and grants give in one organization. Read together with the identity, and as old as its settings. */
export interface Rights {
  /** The built-in role; of a caller with a custom role the one that is closest. */
  role: TokenRole;
  custom: CustomRole | null;
  /** What the roles of teams grant besides. */
  ofTeams: ScopeGrant[];
  /** Whether there are grants on single stacks, to a team or as a creator. They are many, and stay in the database. */
  hasStackGrants: boolean;
}

/**
 * The stack that a call is about, for a caller whose rights depend on it. The rights that the call turned out to need stand in the guard of
 * the call's work (`guard`), so that no look-up comes before it. `facts` are read only after a guard has refused: null for no such stack.
 */
export interface OnStack {
  projectName: string;
  stackName: string;
  needs: OrgPermission[];
  /** How many of them stood in a guard. */
  guarded: number;
  facts: (StackFacts & { granted: GrantPermission[] }) | null | undefined;
}

/** Who is calling, as the credential says; never taken from a request body. A new kind is a compile error where it matters. */
export type Actor = UserActor | MachineActor;

export interface UserActor {
  kind: "user";
  token: TokenRef;
  limits: TokenLimits;
  user: { id: string; login: string; name: string; email: string };
  memberships: Membership[];
  onStack?: OnStack;
}

export interface Membership extends Rights {
  org: OrganizationRef;
  role: Role;
  settings: OrgSettings;
  /** Whether the person agreed to it. Without that it opens the organization, and gives the organization nothing over the person. */
  isAccepted: boolean;
  /** Login of the person or name of the token that added this one; "" for a membership that was accepted. */
  addedBy: string;
}

/** The memberships that the person agreed to. What a person does with own tokens is the business of their organizations, and of no other. */
export const acceptedOf = ({ memberships }: UserActor): Membership[] => memberships.filter(({ isAccepted }) => isAccepted);

/** An organization or team token. It belongs to exactly one organization and to no person. */
export interface MachineActor extends Rights {
  kind: "organization" | "team";
  token: TokenRef;
  limits: TokenLimits;
  org: OrganizationRef;
  settings: OrgSettings;
  team: string;
  onStack?: OnStack;
}

/** What every request has, with or without a credential. */
export interface RequestContext {
  /** The bindings, counting into `roundTrips`. */
  env: Bindings;
  store: Store;
  /** Round trips to storage that the answer waited for, those of the stack's object among them. */
  roundTrips: RoundTrips;
  /** When the request arrived, or its caller was looked at once more, milliseconds since 1970. There is no other clock in services or SQL. */
  now: number;
  requestId: string;
  /** Address of the caller, "" when the platform does not tell. */
  address: string;
  /** Country of that address, two letters, "" when the platform does not tell. */
  country: string;
  /** Where the request came in, an airport; "" when the platform does not tell. */
  colo: string;
  userAgent: string;
  /** Work that may outlive the answer, with bindings that do not count into `roundTrips`. Failures are logged, never lost. */
  background: (name: string, work: (env: Bindings) => Promise<unknown>) => void;
  /** To be awaited before a token's end is answered: its running updates hear of it. Given by the app, for updates stand above tokens. */
  tokensEnded: (ended: EndedTokens) => Promise<void>;
}

/** Tokens that were ended, in one organization when only that one is closed to them. */
export interface EndedTokens {
  tokenIds: string[];
  orgId?: string;
  /** They were found in the open: their running updates end, whatever their organizations decide. */
  leaked?: true;
}

export interface ActorContext extends RequestContext {
  actor: Actor;
}

/** Of a call that only a person can make. */
export interface PersonContext extends ActorContext {
  actor: UserActor;
}

/** Inside one organization that the actor may see. */
export interface OrgContext extends ActorContext {
  org: OrganizationRef;
}

/** Login shown for an actor: the person's, or the organization's name for machines (management-api §3.9). */
export const loginOf = (actor: Actor) => (actor.kind === "user" ? actor.user.login : actor.org.name);
