/** Flags of an event as the hosted service records them (management-api §9.8): it requires an administrator, or it is a refusal. */
interface EventType {
  description: string;
  reqOrgAdmin?: true;
  reqStackAdmin?: true;
  authFailure?: true;
  /** For a feature that is planned: nothing records the event yet. */
  planned?: true;
}

/** An event of an organization's administrators. */
const admin = (description: string) => ({ description, reqOrgAdmin: true }) as const;
/** An event of a refusal. */
const refusal = (description: string) => ({ description, authFailure: true }) as const;
const plain = (description: string) => ({ description }) as const;
const planned = <T extends EventType>(type: T) => ({ ...type, planned: true }) as const;

/** The events that are recorded, and those that are planned. To add an event, add a line here; its id never changes once released. */
export const eventTypes = {
  "organization-token-created": admin("An organization token was created."),
  "organization-token-deleted": admin("An organization token was deleted."),
  "team-token-created": admin("A team token was created."),
  "team-token-deleted": admin("A team token was deleted."),
  "organization-token-created-for-oidc-issuer": plain("An identity provider's token was exchanged for an organization token."),
  "team-token-created-for-oidc-issuer": plain("An identity provider's token was exchanged for a team token."),
  "personal-token-created-for-oidc-issuer": plain("An identity provider's token was exchanged for a personal token."),

  "user-login": plain("A person signed in to the console."),
  "user-login-failed": plain("A sign-in to the console failed."),
  "auth-failure-organization-role": refusal("The caller lacked a permission in the organization."),
  "auth-failure-stack-permission": refusal("The caller lacked a permission on a stack."),
  "auth-failure-scim-access-token": refusal("An invalid SCIM token was used."),
  "authorization-policy-updated": plain("An identity provider's policy was changed."),
  "oidc-issuer-registered": plain("An identity provider was added."),
  "oidc-issuer-updated": plain("An identity provider was changed."),
  "oidc-issuer-deleted": plain("An identity provider was removed."),
  "oidc-issuer-validation-failed": planned(refusal("An identity provider's certificate did not match.")),
  "saml-configuration-updated": admin("The single sign-on of the organization was changed: a connection, a domain, or what is required."),

  "member-added": admin("An administrator added a person."),
  "member-removed": admin("A person was removed."),
  "member-role-changed": admin("A member's role was changed."),
  "organization-invite-sent": admin("An invitation was created."),
  "organization-invite-canceled": admin("An invitation was withdrawn."),
  "organization-invite-accepted": plain("A person joined by an invitation."),
  "organization-settings-changed": admin("A setting was changed; the description has its old and new value."),
  "custom-role-created": admin("A role was created."),
  "custom-role-updated": admin("A role was changed."),
  "custom-role-deleted": admin("A role was deleted."),

  "team-created": admin("A team was created."),
  "team-updated": admin("A team's name, members, roles or rights on stacks were changed."),
  "team-deleted": admin("A team was deleted, and its tokens ended."),

  "stack-created": plain("A stack was created."),
  "stack-reencrypted": admin("A stack's secrets were re-encrypted with a new master key."),
  "stack-renamed": admin("A stack was renamed."),
  "stack-deleted": { ...plain("A stack was deleted."), reqStackAdmin: true },
  "stack-transferred-to-organization": admin("A stack was moved to another organization."),
  "stack-exported": plain("A stack's state was read."),
  "stack-imported": plain("A stack's state was replaced."),
  "stack-version-restored": admin("A stack's state was replaced by the state of an earlier version."),
  "stack-collaborator-removed": admin("A person's own right on a stack was removed."),
  "stack-update-started": plain("An update started."),
  "stack-update-completed": plain("An update ended."),
  "stack-update-canceled": plain("An update was canceled."),
  "secret-decrypted": plain("A secret was decrypted."),
  "secrets-batch-decrypted": plain("Secrets were decrypted in one call."),

  // The public catalogue has no event for the following: only Stackpass records them.
  "organization-token-updated": admin("A token's name, description, expiry or permissions were changed."),
  "organization-token-rotated": plain("A token was rotated; both tokens are valid during the overlap."),
  "organization-token-disabled": admin("A token was disabled."),
  "organization-token-enabled": admin("A token was enabled again."),
  "team-token-updated": admin("A team token's name, description, expiry or limits were changed."),
  "team-token-rotated": plain("A team token was rotated; both tokens are valid during the overlap."),
  "team-token-disabled": admin("A team token was disabled."),
  "team-token-enabled": admin("A team token was enabled again."),
  "personal-token-created": plain("A person created a personal token."),
  "personal-token-deleted": plain("A person deleted a personal token."),
  "secrets-reencrypted": admin("The secrets of connections and audit streams were re-encrypted with a new master key."),
  "organization-created": admin("The organization was created; the description says how and with which administrator."),
  "membership-accepted": plain("A person who had been added accepted the membership."),
  "user-session-ended": plain("A person signed out of the console, or ended one or all of their sessions."),
  "identity-linked": plain("An account was linked with a person's identity at an identity provider."),
  "identity-removed": admin("An identity of a person was removed, and the sessions and personal tokens that it had opened were ended."),
  "sso-token-authorized": plain("A person authorized a personal token for the organization, which requires single sign-on."),
  "sso-token-authorization-removed": admin("The authorization of a personal token was removed."),
  "emergency-sign-in": plain("An emergency administrator used the organization without single sign-on."),
  "token-leak-reported": plain("A token was found in public and disabled."),
  "stack-config-updated": plain("The source of a stack's configuration was changed."),
  "stack-tags-updated": plain("A stack's tags were changed."),
  "stack-restored": plain("A deleted stack was restored."),
  "oidc-session-ended": plain("An exchanged token was ended."),
  "dry-run": plain("A change was tried; nothing was changed."),
  "oidc-issuer-tested": plain("A token or claims were compared with an identity provider's policy; nothing was issued."),
  "scim-token-created": admin("A SCIM token was created for an identity provider."),
  "scim-token-deleted": admin("A SCIM token was deleted."),
  "scim-user-created": admin("An identity provider created a person."),
  "scim-user-updated": admin("An identity provider changed a person's names or addresses."),
  "scim-user-activated": admin("An identity provider activated a person, who became a member."),
  "scim-user-deactivated": admin("An identity provider deactivated a person, who lost access to the organization."),
  "scim-user-deleted": admin("An identity provider deleted a person, who lost access to the organization."),
  "scim-user-kept": refusal("An identity provider tried to remove the last administrator."),
  "auth-failure-oidc-exchange": refusal("An identity provider's token was refused."),
  "audit-stream-created": admin("A stream of the audit log was added."),
  "audit-stream-updated": admin("A stream of the audit log was changed."),
  "audit-stream-deleted": admin("A stream of the audit log was deleted."),
  "audit-stream-paused": admin("A stream of the audit log was paused, by an administrator or after a day of failures."),
  "audit-stream-resumed": admin("A stream of the audit log was resumed."),
  "audit-stream-restarted": admin("A stream of the audit log was set to continue from another record."),
  "audit-stream-tested": admin("A test was sent to the destination of a stream."),
  "audit-chain-broken": plain("The daily check found records that were altered or are missing, or a bad checkpoint."),
  "token-used-from-new-network": plain("A token of an organization or a team was used from a network for the first time."),
  "token-used-from-new-country": plain("A token of an organization or a team was used from a country for the first time."),
  "token-expires-soon": plain("A token of an organization with webhooks expires in 14 or 3 days."),
  "token-expired": plain("A token of an organization with webhooks expired."),
  "update-runs-long": plain("An update in an organization with webhooks has run for more than an hour."),
  "webhook-created": plain("A webhook of the organization or of a stack was added."),
  "webhook-updated": plain("A webhook was changed."),
  "webhook-deleted": plain("A webhook was deleted."),
  "webhook-pinged": plain("A test message was sent by a webhook."),
  "webhook-event-redelivered": plain("A message was sent again by a webhook."),
  "webhook-failing": plain("A message could not be delivered by a webhook for a day."),
  "webhook-disabled": plain("A webhook was deactivated, because it failed for days or its destination is gone."),
  "auth-failure-access-token": refusal("A token was used after its deletion or expiry."),
  "auth-failure-token-disabled": refusal("A token was used while disabled."),
  "auth-failure-token-policy": refusal("A token was refused by the organization's expiry policy."),
  "auth-failure-token-condition": refusal("A token was refused because of the caller's network or country."),
  "auth-failure-token-scope": refusal("A token was used outside of the stacks or permissions it is limited to."),
  "auth-failure-single-sign-on": refusal("A credential was refused because the organization requires single sign-on."),
  "auth-failure-rate-limit": refusal("A token is refused too often; at most one event is recorded in a minute."),
} as const satisfies Record<string, EventType>;

export type EventName = keyof typeof eventTypes;
/** The events that are recorded, not only planned. */
export type RecordedEvent = { [E in EventName]: (typeof eventTypes)[E] extends { planned: true } ? never : E }[EventName];

export const recordedEvents = Object.entries<EventType>(eventTypes)
  .filter(([, type]) => !type.planned)
  .map(([event]) => event);

const abbreviations = new Set(["oidc", "saml", "scim"]);

const titled = (word: string) => (abbreviations.has(word) ? word.toUpperCase() : word[0]!.toUpperCase() + word.slice(1));

/** The name of an event for people: its id in words. An unknown event keeps its id. */
export const displayNameOf = (event: string): string => (Object.hasOwn(eventTypes, event) ? event.split("-").map(titled).join(" ") : event);

export const flagsOf = (event: EventName) => {
  const type: EventType = eventTypes[event];
  return {
    reqOrgAdmin: type.reqOrgAdmin ?? false,
    reqStackAdmin: type.reqStackAdmin ?? false,
    authFailure: type.authFailure ?? false,
  };
};
