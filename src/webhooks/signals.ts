import type { RecordedEvent } from "../audit/events.ts";
import type { UpdateKind, UpdateStatus } from "../updates/table.ts";
import type { WebhookFilter } from "./filters.ts";

/** Which records of the audit log are events of webhooks. Pure. */

/** The events that a record is by itself. */
const byEvent: Partial<Record<RecordedEvent, WebhookFilter>> = {
  "stack-created": "stack_created",
  "stack-deleted": "stack_deleted",

  "organization-token-created": "token_created",
  "team-token-created": "token_created",
  "personal-token-created": "token_created",
  "scim-token-created": "token_created",
  "organization-token-deleted": "token_deleted",
  "team-token-deleted": "token_deleted",
  "personal-token-deleted": "token_deleted",
  "scim-token-deleted": "token_deleted",
  "organization-token-updated": "token_updated",
  "team-token-updated": "token_updated",
  "organization-token-rotated": "token_rotated",
  "team-token-rotated": "token_rotated",
  "organization-token-disabled": "token_disabled",
  "team-token-disabled": "token_disabled",
  "organization-token-enabled": "token_enabled",
  "team-token-enabled": "token_enabled",
  "token-leak-reported": "token_leaked",
  "token-expires-soon": "token_expiring",
  "token-expired": "token_expired",
  "token-used-from-new-network": "token_new_network",
  "token-used-from-new-country": "token_new_country",
  "auth-failure-access-token": "token_refused",
  "auth-failure-token-disabled": "token_refused",
  "auth-failure-token-policy": "token_refused",
  "auth-failure-token-condition": "token_refused",
  "auth-failure-token-scope": "token_refused",
  "auth-failure-rate-limit": "token_refused",
  "auth-failure-oidc-exchange": "token_refused",

  "organization-invite-sent": "member_invited",
  "member-added": "member_added",
  "scim-user-activated": "member_added",
  "organization-invite-accepted": "member_joined",
  "membership-accepted": "member_joined",
  "member-removed": "member_removed",
  "scim-user-deactivated": "member_removed",
  "scim-user-deleted": "member_removed",
  "member-role-changed": "member_role_changed",

  "saml-configuration-updated": "sso_changed",
  "identity-linked": "sso_identity_linked",
  "identity-removed": "sso_identity_removed",
  "sso-token-authorized": "sso_token_authorized",
  "auth-failure-single-sign-on": "sso_refused",
  "emergency-sign-in": "sso_emergency_sign_in",

  "webhook-failing": "webhook_failing",
  "webhook-disabled": "webhook_failing",
  "update-runs-long": "update_running_long",
  "audit-chain-broken": "audit_chain_broken",
};

/** Records of the end of an update. The update says what they are, and whether it succeeded. */
const ends = new Set<string>([
  "stack-update-completed",
  "stack-update-canceled",
  "stack-imported",
  "stack-version-restored",
] satisfies RecordedEvent[]);

export interface Signal {
  filter?: WebhookFilter;
  /** The update that ended. */
  updateId?: string;
}

interface Recorded {
  event: string;
  description?: string;
  userLogin?: string;
}

/** The event of webhooks that a record of the log is; undefined if no webhook gets it. */
export function signalOf({ event, description = "", userLogin = "" }: Recorded): Signal | undefined {
  if (ends.has(event)) {
    const updateId = updateIdIn(description);
    return updateId === undefined ? undefined : { updateId };
  }
  // A pause that nobody asked for comes after a day of failures.
  if (event === "audit-stream-paused") return userLogin === "" ? { filter: "stream_failing" } : undefined;
  const filter = Object.hasOwn(byEvent, event) ? byEvent[event as RecordedEvent] : undefined;
  return filter && { filter };
}

/** The id in the description of an update's end: `… of stack "acme/web/dev" (ID).` No name of a stack has parentheses. */
const updateIdIn = (description: string): string | undefined =>
  / of (?:the )?(?:state of )?stack "[^"]*" \(([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\)\./.exec(description)?.[1];

const words: Partial<Record<UpdateKind, "update" | "preview" | "refresh" | "destroy" | "import">> = {
  update: "update",
  preview: "preview",
  refresh: "refresh",
  destroy: "destroy",
  import: "import",
  "resource-import": "import",
};

/** The event of an update that has ended; undefined for a rename, and for an update that still runs. */
export function filterOfUpdate(kind: UpdateKind, dryRun: boolean, status: UpdateStatus): WebhookFilter | undefined {
  const word = dryRun ? "preview" : words[kind];
  if (!word || status === "running" || status === "not started") return undefined;
  return `${word}_${status === "succeeded" ? "succeeded" : "failed"}`;
}
