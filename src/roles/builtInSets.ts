import type { ScopeGrant } from "../access/descriptor.ts";

/** A permission set that every organization has. Custom roles include it by its id (management-api §7.4). */
export interface BuiltInSet {
  name: string;
  description: string;
  resourceType: "stack" | "organization";
  /** "" for a set that has no identifier in the public contract. */
  defaultIdentifier: string;
  scopes: string[];
}

const stackRead = [
  "stack:read",
  "stack:export",
  "stack:encrypt",
  "stack:decrypt",
  "stack_deployment:read",
  "stack_deployment_settings:read",
  "stack_access:read",
  "stack_schedule:read",
];
const stackWrite = [
  ...stackRead,
  "stack:import",
  "stack:cancel_update",
  "stack:write",
  "stack_deployment_settings:write",
  "stack_deployment_settings:encrypt",
  "stack_deployment_cache:read",
  "stack_tags:update",
  "stack_schedule:create",
  "stack_schedule:update",
  "stack_schedule:pause",
  "stack_schedule:resume",
  "stack_schedule:delete",
  "stack_deployment:create",
  "stack_webhook:read",
  "stack_webhook:create",
  "stack_webhook:update",
  "stack_webhook:delete",
];
const stackAdmin = [...stackWrite, "stack:delete", "stack_access:update", "stack:transfer", "stack:rename"];

const billing = [
  "organization:billing",
  "organization:read_usage",
  "org_member:read",
  "team:list",
  "saml:read",
  "resources:dashboard",
  "deployments:read_usage",
];
const readOnly = [
  "organization:read_usage",
  "org_member:read",
  "team:list",
  "team:read",
  "saml:read",
  "stack_access:read",
  "resources:search",
  "resources:dashboard",
  "tags:read",
  "templates:read",
  "integrations:read",
  "deployments:read",
  "deployments:read_usage",
  "policy_groups:read",
];
/** This set has no `stack:create`: a setting of the organization decides whether members have it, and settings do not change a set. */
const standard = [
  ...readOnly,
  "project:encrypt",
  "project:decrypt",
  "integrations:update",
  "environment:create",
  "environment:list_deleted",
  "environment_yaml:open",
];

const sets: Record<string, BuiltInSet> = {
  "stack-read": {
    name: "Stack Read",
    description: "Reads a stack, its state and its secrets.",
    resourceType: "stack",
    defaultIdentifier: "stack-read",
    scopes: stackRead,
  },
  "stack-write": {
    name: "Stack Write",
    description: "Reads and updates a stack.",
    resourceType: "stack",
    defaultIdentifier: "stack-write",
    scopes: stackWrite,
  },
  "stack-admin": {
    name: "Stack Admin",
    description: "Reads, updates, renames, moves and deletes a stack, and decides who has access.",
    resourceType: "stack",
    defaultIdentifier: "stack-admin",
    scopes: stackAdmin,
  },
  "read-only": {
    name: "Read Only",
    description: "Sees the organization, its people and its teams.",
    resourceType: "organization",
    defaultIdentifier: "",
    scopes: readOnly,
  },
  standard: {
    name: "Standard",
    description: "Has the rights of a member on the organization, and none on its stacks.",
    resourceType: "organization",
    defaultIdentifier: "",
    scopes: standard,
  },
  billing: {
    name: "Organization Settings Billing",
    description: "Sees the organization and its people, for the people who pay for it.",
    resourceType: "organization",
    defaultIdentifier: "",
    scopes: billing,
  },
};

/** The ids of an organization's sets never change. No custom record has such an id. */
export const setId = (orgId: string, key: string) => `set-${key}.${orgId}`;

export const builtInSets = Object.entries(sets).map(([key, set]) => ({ key, ...set }));

export const findSet = (orgId: string, id: string) => builtInSets.find(({ key }) => id === setId(orgId, key));

export const grantsOfSet = ({ scopes }: BuiltInSet): ScopeGrant[] => [{ scopes: scopes.toSorted(), rules: null }];
