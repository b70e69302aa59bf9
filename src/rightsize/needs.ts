/** Which audit event shows the use of which right. Pure. */
import { type OrgPermission, orgPermissions } from "../access/permissions.ts";
import type { RecordedEvent } from "../audit/events.ts";
import { isPersonOnly } from "../auth/policy.ts";

/** The rights that a token needed for the call of an event. */
export interface Need {
  /** The rights that the call used. */
  shows: readonly OrgPermission[];
  /** Rights that every client needs before it can make that call, and whose use leaves no event. */
  besides?: readonly OrgPermission[];
  /** The call gave rights to somebody. Only an administrator can give rights that the caller does not have. */
  gives?: true;
  /** The caller had to have the role Admin. */
  admin?: true;
}

interface Mapping extends Need {
  /** Other needs of events with some descriptions; the first that matches counts. */
  when?: readonly (Need & { description: RegExp })[];
  /** Why the event shows no right of a token. */
  none?: string;
}

const shows = (...rights: OrgPermission[]): Mapping => ({ shows: rights });
const none = (reason: string): Mapping => ({ shows: [], none: reason });

const onStack = (right: OrgPermission): Mapping => ({ shows: [right], besides: ["stack:read"] });
const writing = (right: OrgPermission): Mapping => ({ shows: [right], besides: ["stack:read", "stack:encrypt"] });
const ofMembers = (right: OrgPermission): Mapping => ({ shows: [right], besides: ["org_member:read"] });
const ofRoles = (right: OrgPermission): Mapping => ({ shows: [right], besides: ["role:read"], gives: true });
const ofTeams = (...rights: OrgPermission[]): Mapping => ({ shows: rights, besides: ["team:read"] });
const ofTeamTokens = (right: OrgPermission): Mapping => ({ shows: [right], besides: ["team:list_tokens"] });

/** The description names the place of the webhook. */
const ofWebhooks = (verb: "create" | "update" | "delete", happened: string): Mapping => ({
  shows: [`organization_webhook:${verb}`],
  besides: ["organization_webhook:read"],
  when: [
    {
      description: new RegExp(`^${happened} the webhook \\S+ to \\S+ of stack "`),
      shows: [`stack_webhook:${verb}`],
      besides: ["stack:read", "stack_webhook:read"],
    },
  ],
});

const people = none("only people can do this");
const refused = none("the call was refused");
const scim = none("only the SCIM token of an identity provider does this");
const itself = none("a token that may rotate itself needs no right for it");

/** Every event that is recorded. A new event does not compile until it is in this table. */
export const needs: Record<RecordedEvent, Mapping> = {
  "stack-created": shows("stack:create"),
  "stack-deleted": onStack("stack:delete"),
  "stack-renamed": onStack("stack:rename"),
  "stack-reencrypted": { ...onStack("stack:reencrypt"), admin: true },
  "secrets-reencrypted": { ...shows("stack:reencrypt"), admin: true },
  "stack-exported": onStack("stack:export"),
  "stack-imported": writing("stack:import"),
  "stack-version-restored": people,
  "stack-collaborator-removed": onStack("stack_access:update"),
  "stack-config-updated": onStack("stack:write"),
  "stack-tags-updated": onStack("stack_tags:update"),
  "stack-restored": { shows: ["stack:restore_deleted"], besides: ["stack:list_deleted"] },
  "stack-update-started": { ...writing("stack:write"), when: [{ description: /^Started a preview\b/, ...writing("stack:preview") }] },
  "stack-update-completed": none("the start of the update shows the right"),
  // An update that ends with its token is an event in the name of that token, too.
  "stack-update-canceled": {
    ...none("the update ended by itself"),
    when: [{ description: /^Canceled /, ...onStack("stack:cancel_update") }],
  },
  "stack-transferred-to-organization": people,
  "secret-decrypted": onStack("stack:decrypt"),
  "secrets-batch-decrypted": onStack("stack:decrypt"),

  "member-added": { ...ofMembers("org_member:add"), gives: true },
  "member-removed": { ...ofMembers("org_member:delete"), when: [{ description: /, added by the ended token /, shows: [] }] },
  "member-role-changed": { ...ofMembers("org_member:update"), gives: true },
  "organization-invite-sent": { shows: ["invites:create"], besides: ["invites:read"], gives: true },
  "organization-invite-canceled": { shows: ["invites:create"], besides: ["invites:read"] },
  "organization-invite-accepted": people,
  "membership-accepted": people,
  "organization-created": none("the operator does this"),
  "organization-settings-changed": {
    ...shows("organization:update"),
    when: [
      { description: /^Changed the default role of members /, ...ofRoles("role:update") },
      { description: /\b(defaultStackPermission|membersCan\w+) from /, shows: ["organization:update"], admin: true },
    ],
  },
  "custom-role-created": ofRoles("role:create"),
  "custom-role-updated": ofRoles("role:update"),
  "custom-role-deleted": ofRoles("role:delete"),

  "team-created": ofTeams("team:create"),
  "team-updated": {
    ...ofTeams("team:update"),
    gives: true,
    when: [
      { description: /^Gave team "[^"]*" the new role /, ...ofTeams("team:update", "role:create"), gives: true },
      { description: /^Gave team "[^"]*" the role |^Took the role /, ...ofTeams("team:update", "role:update"), gives: true },
      { description: /^(Took its right|Removed|Changed team) /, ...ofTeams("team:update") },
    ],
  },
  "team-deleted": ofTeams("team:delete"),
  "team-token-created": { ...ofTeamTokens("team:create_token"), gives: true },
  "team-token-updated": { ...ofTeamTokens("team:create_token"), gives: true },
  "team-token-enabled": { ...ofTeamTokens("team:create_token"), gives: true },
  "team-token-disabled": ofTeamTokens("team:delete_token"),
  "team-token-deleted": ofTeamTokens("team:delete_token"),
  // An organization token that rotates the tokens of a team creates, disables or deletes some of them as well.
  "team-token-rotated": itself,

  "organization-token-rotated": itself,
  "scim-token-created": people,
  "scim-token-deleted": people,
  "scim-user-created": scim,
  "scim-user-updated": scim,
  "scim-user-activated": scim,
  "scim-user-deactivated": scim,
  "scim-user-deleted": scim,
  "scim-user-kept": refused,
  "auth-failure-scim-access-token": refused,
  "oidc-issuer-registered": people,
  "oidc-issuer-updated": people,
  "oidc-issuer-deleted": people,
  "authorization-policy-updated": people,
  "audit-stream-created": people,
  "audit-stream-updated": people,
  "audit-stream-deleted": people,
  "audit-stream-paused": people,
  "audit-stream-resumed": people,
  "audit-stream-restarted": people,
  "audit-stream-tested": people,
  "audit-chain-broken": none("the service records it"),
  "token-used-from-new-network": none("the service records it"),
  "token-used-from-new-country": none("the service records it"),
  "token-expires-soon": none("the service records it"),
  "token-expired": none("the service records it"),
  "update-runs-long": none("the service records it"),
  "webhook-created": ofWebhooks("create", "Added"),
  "webhook-updated": ofWebhooks("update", "Changed"),
  "webhook-deleted": ofWebhooks("delete", "Deleted"),
  "webhook-pinged": ofWebhooks("update", "Sent a test message by"),
  "webhook-event-redelivered": ofWebhooks("update", "Sent the message \\S+ by"),
  "webhook-failing": none("the service records it"),
  "webhook-disabled": none("the service records it"),
  "oidc-session-ended": people,
  "dry-run": none("the description names the operation that was tried, and not its right"),
  "oidc-issuer-tested": { shows: ["auth_policies:read"], besides: ["oidc_issuers:read"] },
  "organization-token-created-for-oidc-issuer": none("the event is the creation of the token itself"),
  "team-token-created-for-oidc-issuer": none("the event is the creation of the token itself"),
  "personal-token-created-for-oidc-issuer": none("the event is the creation of the token itself"),
  "auth-failure-oidc-exchange": refused,
  "organization-token-created": people,
  "organization-token-deleted": people,
  "organization-token-updated": people,
  "organization-token-disabled": people,
  "organization-token-enabled": people,
  "personal-token-created": people,
  "personal-token-deleted": people,
  "user-login": people,
  "user-login-failed": people,
  "user-session-ended": people,
  "identity-linked": people,
  "identity-removed": people,
  "sso-token-authorized": people,
  "sso-token-authorization-removed": people,
  "emergency-sign-in": people,
  "saml-configuration-updated": people,
  "token-leak-reported": none("everyone may report a leak"),

  "auth-failure-organization-role": refused,
  "auth-failure-stack-permission": refused,
  "auth-failure-access-token": refused,
  "auth-failure-token-disabled": refused,
  "auth-failure-token-policy": refused,
  "auth-failure-token-condition": refused,
  "auth-failure-token-scope": refused,
  "auth-failure-single-sign-on": refused,
  "auth-failure-rate-limit": refused,
};

const nothing: Need = { shows: [] };

/** The use of rights that an event shows. An event that is not recorded any more shows nothing. */
export function needOf(event: string, description: string): Need {
  if (!Object.hasOwn(needs, event)) return nothing;
  const mapping = needs[event as RecordedEvent];
  return mapping.when?.find((other) => other.description.test(description)) ?? mapping;
}

/** Events whose need depends on their description. */
export const describedEvents = Object.entries(needs).flatMap(([event, { when }]) => (when ? [event] : []));

/** The rights of machines whose use leaves no event, so that the log does not show whether a token used them. */
export const unseen: OrgPermission[] = (() => {
  const shown = Object.values(needs).flatMap((mapping) => [mapping, ...(mapping.when ?? [])].flatMap((one) => one.shows));
  return orgPermissions.filter((permission) => !shown.includes(permission) && !isPersonOnly(permission));
})();
