import type { SQL } from "drizzle-orm";
import type { ScopeGrant } from "./access/descriptor.ts";
import type { OrgPermission } from "./access/permissions.ts";
import type { StackFacts as FactsOfRights } from "./access/rules.ts";
import type { Bindings } from "./env.ts";
import type { Store } from "./db/client.ts";
import type { RoundTrips } from "./metrics/roundTrips.ts";
import type { Edition, Role, SsoRequirement, StackPermission } from "./orgs/table.ts";
import type { GrantPermission } from "./teams/table.ts";
import type { StackRule, TokenRole } from "./tokens/table.ts";
import type { UpdateKind } from "./updates/table.ts";

export interface OrganizationRef {
  id: string;
  name: string;
}

/**
 * The settings of an organization that callers are checked against. They are read and cached together with the identity; a guard compares
 * `version`, so that nothing is written, exported or decrypted under outdated settings.
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
  ssoRequired: SsoRequirement;
  /** Days after a sign-in through the identity provider in which personal tokens work; 0: no limit. */
  ssoReauthDays: number;
}

export interface TokenRef {
  id: string;
  name: string;
  /** Only for a console session: id of the personal token that opened it. */
  openedWith?: string;
  /**
   * Hash of the token value in this request; every guard compares it with the token's row. It is computed for each request and never
   * stored: not in the cache, not in a log, not in an audit record. An isolate's memory may have it for some minutes.
   */
  hash: string;
}

/**
 * The limits of a token. They are read together with the identity; a guard compares `version`, so that nothing is written, exported or
 * decrypted under outdated limits.
 */
export interface TokenLimits {
  version: number;
  /** Milliseconds since 1970; null: never. A session that a token opened has the token's expiry. */
  expiresAt: number | null;
  /**
   * True for a console session that no token opened, and for a token that an identity provider's token was exchanged for: it expires soon, so
   * no policy on expiry applies to it.
   */
  isExempt: boolean;
  /** Whether it is a session of the console. */
  isSession: boolean;
  /** Whether an identity provider's token was exchanged for it, so that a machine holds it. */
  isExchanged: boolean;
  /**
   * Id of the only organization where a personal token or session is valid: an exchanged token, or a token or session that began with a
   * sign-in through the organization's identity provider. Null: no such limit.
   */
  onlyOrgId: string | null;
  /** Null: all stacks that the role permits. */
  stackRules: StackRule[] | null;
  allowedCidrs: string[];
  allowedCountries: string[];
  /** End of the overlap with the successor, and the successor's name; null and "" without a successor. */
  retiresAt: number | null;
  successor: string;
}

/** A custom role, which takes the place of a built-in one. */
export interface CustomRole {
  id: string;
  name: string;
  grants: ScopeGrant[];
}

/** The rights by roles, teams and grants in one organization. They are read together with the identity. */
export interface Rights {
  /** The built-in role. If the caller has a custom role, this is the built-in role that is closest. */
  role: TokenRole;
  custom: CustomRole | null;
  /** The grants of the roles of teams. */
  ofTeams: ScopeGrant[];
  /**
   * Whether there are grants on single stacks, to a team or to a creator. The grants are not part of the identity, because there may be
   * many.
   */
  hasStackGrants: boolean;
}

/**
 * The stack of a call, for a caller with rights on single stacks. The guard of the call's work checks the rights that the call needs
 * (`guard`), so no look-up comes before the work. `facts` are read only after a guard has failed; null means that there is no such stack.
 */
export interface OnStack {
  projectName: string;
  stackName: string;
  needs: OrgPermission[];
  /** How many of `needs` a guard has checked. */
  guarded: number;
  facts: (FactsOfRights & { granted: GrantPermission[] }) | null | undefined;
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
  /** The column `members.access`, which changes whenever the custom roles of the member do. A guard compares it. */
  access: string;
  /** Whether the user is an administrator who needs no single sign-on. */
  isEmergency: boolean;
  /**
   * When the user last signed in with the identity, at the organization's provider, that the credential shows; null without one. It is read only where
   * the organization requires single sign-on.
   */
  ssoProofAt: number | null;
  /** Whether the user accepted it. If not, the user has access to the organization, but the organization has no rights over the user. */
  isAccepted: boolean;
  /** Login of the user or name of the token that added the member; "" for a membership that was accepted. */
  addedBy: string;
}

/** The memberships that the user accepted. Only these organizations have rights over the user's personal tokens. */
export const acceptedOf = ({ memberships }: UserActor): Membership[] => memberships.filter(({ isAccepted }) => isAccepted);

/** An organization or team token. It belongs to exactly one organization and to no user. */
export interface MachineActor extends Rights {
  kind: "organization" | "team";
  token: TokenRef;
  limits: TokenLimits;
  org: OrganizationRef;
  settings: OrgSettings;
  team: string;
  onStack?: OnStack;
}

/** A question to a stack's object. */
export interface StackQuestion {
  /** Hash of the value that the caller presents. */
  tokenHash: string;
  /** Id of the stack that a guard has found at the object's path in the last seconds. */
  stackId?: string;
}

/** A stack as the answer to a read of it shows it. */
export interface StackFacts {
  id: string;
  version: number;
  activeUpdate: string;
  /** JSON of the configuration's environment, or null. */
  config: string | null;
  tags: Record<string, string>;
  /** The update that holds the stack. `started` is in seconds. */
  currentOperation?: { kind: UpdateKind; author: string; started: number };
}

/** The facts that a stack's object knows without the database. A member is absent if the object does not know it. */
export interface StackNearby {
  /** Id of the stack whose key the caller may encrypt with. */
  stackId?: string;
  /** The stack, if the caller has started an update that runs, and nothing has changed since. */
  stack?: StackFacts;
}

/** The context of every request, with or without a credential. */
export interface RequestContext {
  /** The bindings, which count into `roundTrips`. */
  env: Bindings;
  store: Store;
  /** Round trips to storage that the answer waited for, including those of the stack's object. */
  roundTrips: RoundTrips;
  /** Time at which the request arrived or its caller was checked again, in milliseconds since 1970. Services and SQL use no other clock. */
  now: number;
  requestId: string;
  /** Address of the caller; "" when unknown. */
  address: string;
  /** Country of that address, two letters; "" when unknown. */
  country: string;
  /** Cloudflare location that received the request, as an airport code; "" when unknown. */
  colo: string;
  userAgent: string;
  /** Runs work that may continue after the answer, with bindings that do not count into `roundTrips`. Failures are logged. */
  background: (name: string, work: (env: Bindings) => Promise<unknown>) => void;
  /**
   * Notifies the running updates of tokens that have ended. Await it before the answer. The app provides it, because `tokens/` must not
   * import `updates/`.
   */
  tokensEnded: (ended: EndedTokens) => Promise<void>;
  /** Asks a stack's object, by its name. The answer is empty when it cannot be reached. The app provides it, like `tokensEnded`. */
  askStack: (name: string, question: StackQuestion) => Promise<StackNearby>;
  /** Tells a stack's object, by its name, that tags or the configuration have changed. */
  stackChanged: (name: string) => Promise<void>;
}

/** Tokens that have ended; with `orgId` they have only lost access to that organization. */
export interface EndedTokens {
  tokenIds: string[];
  orgId?: string;
  /** These tokens were reported as leaked: their running updates are aborted, whatever the settings of the organizations are. */
  leaked?: true;
}

export interface ActorContext extends RequestContext {
  actor: Actor;
}

/** The context of a call that only a user can make. */
export interface PersonContext extends ActorContext {
  actor: UserActor;
}

/** The context of a call in one organization that the actor may see. */
export interface OrgContext extends ActorContext {
  org: OrganizationRef;
  /**
   * Conditions that the call has found to hold and that its later work relies on, see `rely`. Each attempt of a call begins without any.
   */
  relied?: SQL[];
}

/**
 * Whether a person makes the call. An exchanged personal token acts with the rights of its person in one organization, but a machine holds it.
 */
export const isPerson = (actor: Actor): boolean => actor.kind === "user" && !actor.limits.isExchanged;

/** Login shown for an actor: the user's, or the organization's name for machines (management-api §3.9). */
export const loginOf = (actor: Actor) => (actor.kind === "user" ? actor.user.login : actor.org.name);
