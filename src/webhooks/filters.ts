/**
 * The events that a webhook can select, by group (management-api §11 and the CLI's own lists). The first five groups are those of the public
 * contract. Events of features that Stackpass lacks are accepted and never sent.
 */
const contract = {
  stacks: [
    "stack_created",
    "stack_deleted",
    "update_succeeded",
    "update_failed",
    "preview_succeeded",
    "preview_failed",
    "destroy_succeeded",
    "destroy_failed",
    "refresh_succeeded",
    "refresh_failed",
    "import_succeeded",
    "import_failed",
  ],
  deployments: [
    "deployment_queued",
    "deployment_started",
    "deployment_succeeded",
    "deployment_failed",
    "drift_detected",
    "drift_detection_succeeded",
    "drift_detection_failed",
    "drift_remediation_succeeded",
    "drift_remediation_failed",
    "deployment_file_ingestion_failed",
  ],
  policies: ["policy_violation_mandatory", "policy_violation_advisory"],
  environments: [
    "environment_created",
    "environment_deleted",
    "environment_revision_created",
    "environment_revision_retracted",
    "environment_revision_tag_created",
    "environment_revision_tag_updated",
    "environment_revision_tag_deleted",
    "environment_tag_created",
    "environment_tag_updated",
    "environment_tag_deleted",
    "environment_rotation_succeeded",
    "environment_rotation_failed",
    "imported_environment_changed",
  ],
  change_requests: [
    "change_request_created",
    "change_request_updated",
    "change_request_approved",
    "change_request_unapproved",
    "change_request_closed",
    "change_request_applied",
    "change_request_submitted",
  ],
} as const;

/** The events that only Stackpass has. They are parts of the audit log, so they need the rights of a stream of it. */
const ofTheLog = {
  tokens: [
    "token_created",
    "token_deleted",
    "token_rotated",
    "token_disabled",
    "token_enabled",
    "token_updated",
    "token_leaked",
    "token_expiring",
    "token_expired",
    "token_refused",
    "token_new_network",
    "token_new_country",
  ],
  members: ["member_invited", "member_added", "member_joined", "member_removed", "member_role_changed"],
  sso: ["sso_changed", "sso_identity_linked", "sso_identity_removed", "sso_token_authorized", "sso_refused", "sso_emergency_sign_in"],
  health: ["stream_failing", "webhook_failing", "update_running_long", "audit_chain_broken"],
} as const;

const byGroup = { ...contract, ...ofTheLog };

export type WebhookGroup = keyof typeof byGroup;
export type FilterOf<Group extends WebhookGroup> = (typeof byGroup)[Group][number];
export type WebhookFilter = FilterOf<WebhookGroup>;

export const webhookGroups = Object.keys(byGroup) as WebhookGroup[];
export const webhookFilters = Object.values(byGroup).flat() as WebhookFilter[];
/** The events of a group, for forms. */
export const filtersOf = (group: WebhookGroup): readonly WebhookFilter[] => byGroup[group];

const groupOf = new Map(Object.entries(byGroup).flatMap(([group, filters]) => filters.map((filter) => [filter, group as WebhookGroup])));
export const isFilter = (name: string): name is WebhookFilter => groupOf.has(name as WebhookFilter);
export const isGroup = (name: string): name is WebhookGroup => Object.hasOwn(byGroup, name);
export const groupOfFilter = (filter: WebhookFilter): WebhookGroup => groupOf.get(filter)!;

const logGroups = new Set<string>(Object.keys(ofTheLog));
const stackGroups = new Set<string>(["stacks", "deployments", "policies"]);
/** These events happen when no webhook of the stack exists yet or any more. */
const orgOnly = new Set<string>(["stack_created", "stack_deleted"]);

export interface Selection {
  filters: readonly string[];
  groups: readonly string[];
  /** How often a digest is sent, in place of events. */
  digest?: string | null;
}

/** Whether the webhook gets a part of the audit log. */
export const selectsLog = ({ filters, groups, digest = null }: Selection): boolean =>
  digest !== null ||
  groups.some((group) => logGroups.has(group)) ||
  filters.some((filter) => isFilter(filter) && logGroups.has(groupOfFilter(filter)));

/** The value of `Pulumi-Webhook-Kind` for events of a group of the audit log. */
export const kindOfGroup = (group: WebhookGroup): string => group.replace(/s$/, "");

const logKinds = new Set([...Object.keys(ofTheLog).map((group) => kindOfGroup(group as WebhookGroup)), "digest"]);
/** Whether messages of that kind are parts of the audit log. */
export const isOfLog = (kind: string): boolean => logKinds.has(kind);

/** The groups and filters that a webhook of a stack can have. */
export const isOfStack = (name: string): boolean =>
  isGroup(name) ? stackGroups.has(name) : isFilter(name) && stackGroups.has(groupOfFilter(name)) && !orgOnly.has(name);

/** Whether a webhook gets an event. Without filters and groups it gets all events of the public contract, and none of the audit log. */
export function selects({ filters, groups }: Selection, filter: WebhookFilter): boolean {
  const group = groupOfFilter(filter);
  if (filters.length === 0 && groups.length === 0) return !logGroups.has(group);
  return groups.includes(group) || filters.includes(filter);
}
