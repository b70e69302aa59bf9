/** Flags as the hosted service records them (management-api §9.8): who may do it, or that it was refused. */
interface EventType {
  displayName: string;
  reqOrgAdmin?: true;
  reqStackAdmin?: true;
  authFailure?: true;
}

/** The events that are recorded. A new one is a line here; its id never changes once released. */
export const eventTypes = {
  "organization-token-created": { displayName: "Organization Token Created", reqOrgAdmin: true },
  "organization-token-deleted": { displayName: "Organization Token Deleted", reqOrgAdmin: true },
  "member-added": { displayName: "Member Added", reqOrgAdmin: true },
  "member-removed": { displayName: "Member Removed", reqOrgAdmin: true },
  "member-role-changed": { displayName: "Member Role Changed", reqOrgAdmin: true },
  "stack-created": { displayName: "Stack Created" },
  "stack-deleted": { displayName: "Stack Deleted", reqStackAdmin: true },
  "stack-exported": { displayName: "Stack Exported" },
  "stack-imported": { displayName: "Stack Imported" },
  "stack-update-started": { displayName: "Stack Update Started" },
  "stack-update-completed": { displayName: "Stack Update Completed" },
  "stack-update-canceled": { displayName: "Stack Update Canceled" },
  "secret-decrypted": { displayName: "Secret Decrypted" },
  "secrets-batch-decrypted": { displayName: "Secrets Batch Decrypted" },
  "auth-failure-organization-role": { displayName: "Auth Failure Organization Role", authFailure: true },
  "auth-failure-stack-permission": { displayName: "Auth Failure Stack Permission", authFailure: true },
  /** Ours: a credential that was good once was presented after its end. */
  "auth-failure-access-token": { displayName: "Auth Failure Access Token", authFailure: true },
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
