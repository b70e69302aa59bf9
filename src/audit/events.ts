/** Flags as the hosted service records them (management-api §9.8): who may do it, or that it was refused. */
interface EventType {
  displayName: string;
  description: string;
  reqOrgAdmin?: true;
  reqStackAdmin?: true;
  authFailure?: true;
}

/** What an organization's administrators do. */
const admin = (displayName: string, description: string) => ({ displayName, description, reqOrgAdmin: true }) as const;
/** What was refused. */
const refusal = (displayName: string, description: string) => ({ displayName, description, authFailure: true }) as const;
const plain = (displayName: string, description: string) => ({ displayName, description }) as const;

/** The events that are recorded. A new one is a line here; its id never changes once released. */
export const eventTypes = {
  "organization-token-created": admin("Organization Token Created", "An organization token was created."),
  "organization-token-deleted": admin("Organization Token Deleted", "An organization token was deleted."),
  "team-token-created": admin("Team Token Created", "A team token was created."),
  "team-token-deleted": admin("Team Token Deleted", "A team token was deleted."),
  "organization-token-created-for-oidc-issuer": plain(
    "Organization Token Created For OIDC Issuer",
    "An identity provider's token was exchanged for an organization token.",
  ),
  "team-token-created-for-oidc-issuer": plain(
    "Team Token Created For OIDC Issuer",
    "An identity provider's token was exchanged for a team token.",
  ),
  "personal-token-created-for-oidc-issuer": plain(
    "Personal Token Created For OIDC Issuer",
    "An identity provider's token was exchanged for a personal token.",
  ),

  "user-login": plain("User Login", "A person signed in to the console."),
  "user-login-failed": plain("User Login Failed", "A sign-in to the console failed."),
  "auth-failure-organization-role": refusal("Auth Failure Organization Role", "The caller lacked a right in the organization."),
  "auth-failure-stack-permission": refusal("Auth Failure Stack Permission", "The caller lacked a right on a stack."),
  "auth-failure-scim-access-token": refusal("Auth Failure SCIM Access Token", "A bad SCIM token was presented."),
  "authorization-policy-updated": plain("Authorization Policy Updated", "An identity provider's policy was changed."),
  "oidc-issuer-registered": plain("OIDC Issuer Registered", "An identity provider was added."),
  "oidc-issuer-updated": plain("OIDC Issuer Updated", "An identity provider was changed."),
  "oidc-issuer-deleted": plain("OIDC Issuer Deleted", "An identity provider was removed."),
  "oidc-issuer-validation-failed": refusal("OIDC Issuer Validation Failed", "An identity provider's certificate was not the known one."),
  "saml-configuration-updated": admin("SAML Configuration Updated", "The single sign-on settings were changed."),

  "member-added": admin("Member Added", "An administrator added a person."),
  "member-removed": admin("Member Removed", "A person was removed."),
  "member-role-changed": admin("Member Role Changed", "A member's role was changed."),
  "organization-invite-sent": admin("Organization Invite Sent", "An invitation was made."),
  "organization-invite-canceled": admin("Organization Invite Canceled", "An invitation was withdrawn."),
  "organization-invite-accepted": plain("Organization Invite Accepted", "A person joined by an invitation."),
  "organization-settings-changed": admin(
    "Organization Settings Changed",
    "A setting was changed; the description has its old and new value.",
  ),
  "custom-role-created": admin("Custom Role Created", "A role was made."),
  "custom-role-updated": admin("Custom Role Updated", "A role was changed."),
  "custom-role-deleted": admin("Custom Role Deleted", "A role was removed."),

  "team-created": admin("Team Created", "A team was made."),
  "team-updated": admin("Team Updated", "A team's name, members or grants were changed."),
  "team-deleted": admin("Team Deleted", "A team was removed."),

  "stack-created": plain("Stack Created", "A stack was created."),
  "stack-reencrypted": admin("Stack Re-encrypted", "A stack's secrets were put under a new master key."),
  "stack-renamed": admin("Stack Renamed", "A stack was renamed."),
  "stack-deleted": { ...plain("Stack Deleted", "A stack was deleted."), reqStackAdmin: true },
  "stack-transferred-to-organization": admin("Stack Transferred To Organization", "A stack was moved to another organization."),
  "stack-exported": plain("Stack Exported", "A stack's state was read."),
  "stack-imported": plain("Stack Imported", "A stack's state was replaced."),
  "stack-update-started": plain("Stack Update Started", "An update began."),
  "stack-update-completed": plain("Stack Update Completed", "An update ended."),
  "stack-update-canceled": plain("Stack Update Canceled", "An update was canceled."),
  "secret-decrypted": plain("Secret Decrypted", "A secret was decrypted."),
  "secrets-batch-decrypted": plain("Secrets Batch Decrypted", "Secrets were decrypted in one call."),

  // From here on ours alone: the public catalogue has no event for these.
  "organization-created": plain("Organization Created", "The organization was made."),
  "organization-token-updated": admin("Organization Token Updated", "A token's name, description, expiry or rights were changed."),
  "organization-token-rotated": plain("Organization Token Rotated", "A token got a successor; both work for a while."),
  "organization-token-disabled": admin("Organization Token Disabled", "A token was switched off."),
  "organization-token-enabled": admin("Organization Token Enabled", "A token was switched on again."),
  "personal-token-created": plain("Personal Token Created", "A person made a personal token."),
  "personal-token-deleted": plain("Personal Token Deleted", "A person deleted a personal token."),
  "personal-token-updated": plain("Personal Token Updated", "A personal token's description or expiry was changed."),
  "token-expired": plain("Token Expired", "A token reached its end."),
  "token-leak-reported": plain("Token Leak Reported", "A token was found in the open and switched off."),
  "stack-tags-updated": plain("Stack Tags Updated", "A stack's tags were changed."),
  "stack-restored": plain("Stack Restored", "A deleted stack was brought back."),
  "auth-failure-access-token": refusal("Auth Failure Access Token", "A token was presented after its deletion or expiry."),
  "auth-failure-token-disabled": refusal("Auth Failure Token Disabled", "A token was presented while switched off."),
  "auth-failure-token-policy": refusal("Auth Failure Token Policy", "A token was refused by the organization's expiry policy."),
  "auth-failure-token-condition": refusal("Auth Failure Token Condition", "A token was refused for its caller's network or country."),
  "auth-failure-token-scope": refusal("Auth Failure Token Scope", "A token was used outside of the stacks or rights it is limited to."),
  "auth-failure-rate-limit": refusal("Auth Failure Rate Limit", "A token was presented after its end too often; one event a minute."),
} as const satisfies Record<string, EventType>;

export type EventName = keyof typeof eventTypes;

export const flagsOf = (event: EventName) => {
  const type: EventType = eventTypes[event];
  return {
    reqOrgAdmin: type.reqOrgAdmin ?? false,
    reqStackAdmin: type.reqStackAdmin ?? false,
    authFailure: type.authFailure ?? false,
  };
};
