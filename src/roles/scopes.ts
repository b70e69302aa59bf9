import type { OrgPermission } from "../access/permissions.ts";
import { scopesGive } from "../auth/policy.ts";

/**
 * Describes each right for people who write a role. It leaves out the rights that no custom role can give (`hasEffect`), and three rights without
 * a name in the public contract: `organization:read`, which every member has, `stack:preview`, and `audit_streams:read`.
 */
const groups: Record<string, { name: string; scopes: Partial<Record<OrgPermission, string>> }[]> = {
  organization: [
    {
      name: "Organization",
      scopes: {
        "organization:update": "Change the settings of the organization.",
      },
    },
    {
      name: "Membership",
      scopes: {
        "org_member:read": "List the members.",
        "org_member:add": "Add members.",
        "org_member:update": "Change the roles of members who are not administrators.",
        "org_member:delete": "Remove members who are not administrators.",
        "invites:read": "List invitations.",
        "invites:create": "Make and cancel invitations.",
      },
    },
    { name: "Organization access tokens", scopes: { "org_token:read": "List organization access tokens." } },
    {
      name: "Teams",
      scopes: {
        "team:list": "List the teams.",
        "team:read": "See a team with its members and stacks.",
        "team:create": "Make teams.",
        "team:update": "Change teams, their members and their stacks.",
        "team:delete": "Delete teams.",
        "team:list_tokens": "List the access tokens of teams.",
        "team:create_token": "Make access tokens of teams.",
        "team:delete_token": "Delete access tokens of teams.",
      },
    },
    {
      name: "Roles",
      scopes: {
        "role:create": "Make roles with rights that their maker has.",
        "role:read": "List roles and see what they grant.",
        "role:update": "Change and assign roles with rights that the caller has.",
        "role:delete": "Delete roles.",
      },
    },
    {
      name: "OIDC",
      scopes: {
        "oidc_issuers:read": "List identity providers and the tokens that were exchanged.",
        "auth_policies:read": "See the policies of identity providers.",
      },
    },
    {
      name: "Audit logs",
      scopes: {
        "audit_logs:read": "Read, search and verify the audit log.",
        "audit_logs:export": "Export the audit log, and see its streams.",
      },
    },
    {
      name: "Organization webhooks",
      scopes: {
        "organization_webhook:read": "List the webhooks of the organization and their deliveries.",
        "organization_webhook:create": "Create webhooks of the organization, which tell of all stacks.",
        "organization_webhook:update": "Change and test webhooks of the organization.",
        "organization_webhook:delete": "Delete webhooks of the organization.",
      },
    },
    {
      name: "Stack management",
      scopes: {
        "stack:create": "Create stacks.",
        "stack:list_deleted": "List deleted stacks.",
        "stack:restore_deleted": "Restore deleted stacks.",
      },
    },
  ],
  stack: [
    {
      name: "Stacks",
      scopes: {
        "stack:list": "Find the stack in lists.",
        "stack:read": "See the stack, its resources and its updates.",
        "stack:write": "Update, refresh and destroy the stack.",
        "stack:export": "Export the state of the stack.",
        "stack:import": "Replace the state of the stack.",
        "stack:encrypt": "Encrypt values with the key of the stack.",
        "stack:decrypt": "Decrypt the secrets of the stack.",
        "stack:delete": "Delete the stack.",
        "stack:cancel_update": "Cancel a running update of the stack.",
        "stack:rename": "Rename the stack.",
        "stack:transfer": "Move the stack to another organization. Only people can.",
        "stack_access:read": "See who has access to the stack.",
        "stack_access:update": "Change who has access to the stack.",
      },
    },
    { name: "Stack tags", scopes: { "stack_tags:update": "Change the tags of the stack." } },
    {
      name: "Stack webhooks",
      scopes: {
        "stack_webhook:read": "List the webhooks of the stack and their deliveries.",
        "stack_webhook:create": "Create webhooks of the stack.",
        "stack_webhook:update": "Change and test webhooks of the stack.",
        "stack_webhook:delete": "Delete webhooks of the stack.",
      },
    },
  ],
};

/** Lists the scopes that have an effect in a custom role, by subject. Other scopes are stored and grant nothing. */
export const availableScopes = Object.fromEntries(
  Object.entries(groups).map(([about, list]) => [
    about,
    list.map(({ name, scopes }) => ({
      name,
      scopes: Object.entries(scopes).map(([scope, description]) => ({ name: scope, metadata: { description } })),
    })),
  ]),
);

/** The two rights that custom roles can give without a name in the public contract. */
const unnamed: [name: string, about: "organization" | "stack", description: string][] = [
  ["organization:read", "organization", "See the name and the settings of the organization."],
  ["stack:preview", "stack", "Preview updates of the stack. The right to update includes it."],
];

export interface ScopeWords {
  name: string;
  about: "organization" | "stack";
  group: string;
  description: string;
}

/** Every right that a custom role can give, in the order in which people read them. */
export const scopeWords: ScopeWords[] = Object.entries(groups).flatMap(([key, list]) => {
  const about = key as ScopeWords["about"];
  const own = list.flatMap(({ name: group, scopes }) =>
    Object.entries(scopes).map(([name, description]) => ({ name, about, group, description })),
  );
  const more = unnamed
    .filter((one) => one[1] === about)
    .map(([name, , description]) => ({ name, about, group: list[0]!.name, description }));
  return [...own, ...more];
});

export const wordsOf = new Map(scopeWords.map((one) => [one.name, one]));

/** A short description of what a right allows. A right that only comes with others has none. */
const verbs: Record<ScopeWords["about"], Partial<Record<OrgPermission, string>>> = {
  organization: {
    "organization:update": "change settings",
    "org_member:read": "see members",
    "org_member:add": "add members",
    "org_member:update": "change members",
    "org_member:delete": "remove members",
    "invites:create": "invite",
    "org_token:read": "see access tokens",
    "team:list": "see teams",
    "team:create": "create teams",
    "team:update": "change teams",
    "team:delete": "delete teams",
    "team:create_token": "create team tokens",
    "team:delete_token": "delete team tokens",
    "role:read": "see roles",
    "role:create": "create roles",
    "role:update": "change roles",
    "role:delete": "delete roles",
    "oidc_issuers:read": "see identity providers",
    "auth_policies:read": "see policies of identity providers",
    "audit_logs:read": "read the audit log",
    "audit_logs:export": "export the audit log",
    "stack:create": "create stacks",
    "stack:restore_deleted": "restore stacks",
  },
  stack: {
    "stack:read": "see",
    "stack:export": "export",
    "stack:decrypt": "decrypt secrets",
    "stack:preview": "preview",
    "stack:write": "update",
    "stack:import": "import",
    "stack:rename": "rename",
    "stack:transfer": "move",
    "stack:delete": "delete",
    "stack_access:update": "manage access",
  },
};

/** Says in few words what scopes give on stacks, or on the organization. If there are no such words, it uses the descriptions. */
export function inFewWords(scopes: string[], about: ScopeWords["about"]): string[] {
  const spoken = Object.entries(verbs[about]).filter(([name]) => scopesGive(scopes, name as OrgPermission));
  if (spoken.length > 0) return spoken.map(([, verb]) => verb);
  const described = scopeWords.filter(({ name }) => scopes.includes(name) && wordsOf.get(name)!.about === about);
  return described.map(({ description }) => `${description[0]!.toLowerCase()}${description.slice(1, -1)}`);
}
