/** Flags as the hosted service records them (management-api §9.8): who may do it, or that it was refused. */
interface EventType {
  description: string;
  reqOrgAdmin?: true;
  reqStackAdmin?: true;
  authFailure?: true;
  /** Of a feature that is to come: nothing records it yet. */
  planned?: true;
}

/** What an organization's administrators do. */
const admin = (description: string) => ({ description, reqOrgAdmin: true }) as const;
/** What was refused. */
const refusal = (description: string) => ({ description, authFailure: true }) as const;
const plain = (description: string) => ({ description }) as const;
const planned = <T extends EventType>(type: T) => ({ ...type, planned: true }) as const;

/** The events that are recorded, and those that are planned. A new one is a line here; its id never changes once released. */
export const eventTypes = {
  "organization-token-created": admin("An organization token was created."),
  "organization-token-deleted": admin("An organization token was deleted."),
  "team-token-created": admin("A team token was created."),
  "team-token-deleted": admin("A team token was deleted."),
  "organization-token-created-for-oidc-issuer": planned(plain("An identity provider's token was exchanged for an organization token.")),
  "team-token-created-for-oidc-issuer": planned(plain("An identity provider's token was exchanged for a team token.")),
  "personal-token-created-for-oidc-issuer": planned(plain("An identity provider's token was exchanged for a personal token.")),

  "user-login": plain("A person signed in to the console."),
  "user-login-failed": plain("A sign-in to the console failed."),
  "auth-failure-organization-role": refusal("The caller lacked a right in the organization."),
  "auth-failure-stack-permission": refusal("The caller lacked a right on a stack."),
  "auth-failure-scim-access-token": planned(refusal("A bad SCIM token was presented.")),
  "authorization-policy-updated": planned(plain("An identity provider's policy was changed.")),
  "oidc-issuer-registered": planned(plain("An identity provider was added.")),
  "oidc-issuer-updated": planned(plain("An identity provider was changed.")),
  "oidc-issuer-deleted": planned(plain("An identity provider was removed.")),
  "oidc-issuer-validation-failed": planned(refusal("An identity provider's certificate was not the known one.")),
  "saml-configuration-updated": planned(admin("The single sign-on settings were changed.")),

  "member-added": admin("An administrator added a person."),
  "member-removed": admin("A person was removed."),
  "member-role-changed": admin("A member's role was changed."),
  "organization-invite-sent": admin("An invitation was made."),
  "organization-invite-canceled": admin("An invitation was withdrawn."),
  "organization-invite-accepted": plain("A person joined by an invitation."),
  "organization-settings-changed": admin("A setting was changed; the description has its old and new value."),
  "custom-role-created": admin("A role was made."),
  "custom-role-updated": admin("A role was changed."),
  "custom-role-deleted": admin("A role was removed."),

  "team-created": admin("A team was made."),
  "team-updated": admin("A team's name, members, roles or rights on stacks were changed."),
  "team-deleted": admin("A team was removed, and its tokens ended."),

  "stack-created": plain("A stack was created."),
  "stack-reencrypted": admin("A stack's secrets were put under a new master key."),
  "stack-renamed": admin("A stack was renamed."),
  "stack-deleted": { ...plain("A stack was deleted."), reqStackAdmin: true },
  "stack-transferred-to-organization": admin("A stack was moved to another organization."),
  "stack-exported": plain("A stack's state was read."),
  "stack-imported": plain("A stack's state was replaced."),
  "stack-collaborator-removed": admin("A person's own right on a stack was removed."),
  "stack-update-started": plain("An update began."),
  "stack-update-completed": plain("An update ended."),
  "stack-update-canceled": plain("An update was canceled."),
  "secret-decrypted": plain("A secret was decrypted."),
  "secrets-batch-decrypted": plain("Secrets were decrypted in one call."),

  // From here on ours alone: the public catalogue has no event for these.
  "organization-token-updated": admin("A token's name, description, expiry or rights were changed."),
  "organization-token-rotated": plain("A token got a successor; both work for a while."),
  "organization-token-disabled": admin("A token was switched off."),
  "organization-token-enabled": admin("A token was switched on again."),
  "team-token-updated": admin("A team token's name, description, expiry or limits were changed."),
  "team-token-rotated": plain("A team token got a successor; both work for a while."),
  "team-token-disabled": admin("A team token was switched off."),
  "team-token-enabled": admin("A team token was switched on again."),
  "personal-token-created": plain("A person made a personal token."),
  "personal-token-deleted": plain("A person deleted a personal token."),
  "membership-accepted": plain("A person who had been added accepted the membership."),
  "user-session-ended": plain("A person ended one of their console sessions."),
  "token-leak-reported": plain("A token was found in the open and switched off."),
  "stack-config-updated": plain("Where a stack's configuration comes from was changed."),
  "stack-tags-updated": plain("A stack's tags were changed."),
  "stack-restored": plain("A deleted stack was brought back."),
  "auth-failure-access-token": refusal("A token was presented after its deletion or expiry."),
  "auth-failure-token-disabled": refusal("A token was presented while switched off."),
  "auth-failure-token-policy": refusal("A token was refused by the organization's expiry policy."),
  "auth-failure-token-condition": refusal("A token was refused for its caller's network or country."),
  "auth-failure-token-scope": refusal("A token was used outside of the stacks or rights it is limited to."),
  "auth-failure-rate-limit": refusal("A token is refused too often; one event in a minute."),
} as const satisfies Record<string, EventType>;

export type EventName = keyof typeof eventTypes;
/** Not one that is only planned. */
export type RecordedEvent = { [E in EventName]: (typeof eventTypes)[E] extends { planned: true } ? never : E }[EventName];

export const recordedEvents = Object.entries<EventType>(eventTypes)
  .filter(([, type]) => !type.planned)
  .map(([event]) => event);

const abbreviations = new Set(["oidc", "saml", "scim"]);

const titled = (word: string) => (abbreviations.has(word) ? word.toUpperCase() : word[0]!.toUpperCase() + word.slice(1));

/** How an event is called where people read: its id in words. One that is not known stays as it is. */
export const displayNameOf = (event: string): string => (Object.hasOwn(eventTypes, event) ? event.split("-").map(titled).join(" ") : event);

export const flagsOf = (event: EventName) => {
  const type: EventType = eventTypes[event];
  return {
    reqOrgAdmin: type.reqOrgAdmin ?? false,
    reqStackAdmin: type.reqStackAdmin ?? false,
    authFailure: type.authFailure ?? false,
  };
};
