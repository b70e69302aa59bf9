import type { Numbers } from "./numbers.ts";
import type { OrganizationNumbers } from "./organization.ts";

interface Metric {
  name: string;
  type: "counter" | "gauge";
  help: string;
  samples: { labels?: Record<string, string>; value: number | null | undefined }[];
}

/** As Prometheus reads it, version 0.0.4 of the text format. Labels are reasons, tasks and the one organization that was asked for. */
export function prometheusText(numbers: Numbers, now: number, organization?: OrganizationNumbers & { name: string }): string {
  const metrics = [...ofDeployment(numbers, now), ...(organization ? ofOrganization(organization) : [])];
  return metrics.map(textOf).join("");
}

const one = (value: number | null | undefined) => [{ value }];
const by = (label: string, values: Record<string, number>) =>
  Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
const age = (now: number, at: number | null) => (at === null ? 0 : Math.max(0, now - at) / 1000);

function ofDeployment({ organizations, refusals, updates, audit, orphansDeleted, cron }: Numbers, now: number): Metric[] {
  const gauge = (name: string, help: string, samples: Metric["samples"]): Metric => ({ name, type: "gauge", help, samples });
  const counter = (name: string, help: string, samples: Metric["samples"]): Metric => ({ name, type: "counter", help, samples });
  const day = audit.lastCheckpointDay;
  return [
    counter("refusals_total", "Requests that were refused or failed.", by("reason", refusals)),
    gauge("updates_running", "Updates and previews that run.", one(updates.running)),
    gauge("updates_running_oldest_seconds", "Since the oldest of them started.", one(age(now, updates.oldestStartedAt))),
    gauge("updates_not_started", "Updates that were created and not started.", one(updates.notStarted)),
    counter("updates_cut_short_total", "Updates that ended without their client's word.", by("cause", updates.cutShort)),
    gauge("audit_outbox_events", "Promised audit events that the queue does not have.", one(audit.outbox)),
    gauge("audit_outbox_oldest_seconds", "Since the oldest of them happened.", one(age(now, audit.oldestPromisedAt))),
    gauge("queue_messages", "Messages in a queue.", [
      { labels: { queue: "audit" }, value: audit.queued },
      { labels: { queue: "audit-dead" }, value: audit.queuedDead },
    ]),
    gauge("audit_dead_letters", "Audit events in R2 that could not be written.", one(audit.deadLetters)),
    gauge("audit_checkpoints_overdue", "Chains that have grown and have no signed end of this day.", one(audit.checkpointsOverdue)),
    gauge("audit_checkpoint_last_timestamp_seconds", "Day of the latest signed end.", one(day === null ? null : Date.parse(day) / 1000)),
    counter("orphans_deleted_total", "Objects that no row named.", one(orphansDeleted)),
    gauge(
      "cron_success_timestamp_seconds",
      "When a task of the cron last went well.",
      by("task", cron).map(({ labels, value }) => ({ labels, value: value / 1000 })),
    ),
    gauge("organizations", "Organizations.", one(organizations)),
  ];
}

function ofOrganization(numbers: OrganizationNumbers & { name: string }): Metric[] {
  const labels = { organization: numbers.name };
  const gauge = (name: string, help: string, value: number): Metric => ({ name, type: "gauge", help, samples: [{ labels, value }] });
  const refusals = Object.entries(numbers.refusals).map(([event, value]) => ({ labels: { ...labels, event }, value }));
  return [
    gauge("organization_members", "People.", numbers.members),
    gauge("organization_tokens", "Access tokens of the organization that were not deleted.", numbers.tokens),
    gauge("organization_stacks", "Stacks.", numbers.stacks),
    gauge("organization_updates_running", "Updates and previews that run.", numbers.running),
    gauge("organization_audit_events", "Records of the audit log, archived ones too.", numbers.auditEvents),
    { name: "organization_refusals_last_day", type: "gauge", help: "Refusals of the last 24 hours.", samples: refusals },
  ];
}

/** A metric without a sample is left out: what could not be asked is not zero. */
function textOf({ name, type, help, samples }: Metric): string {
  const lines = samples
    .filter(({ value }) => value !== null && value !== undefined)
    .map(({ labels, value }) => `stackpass_${name}${labelsText(labels)} ${value}\n`);
  return lines.length === 0 ? "" : `# HELP stackpass_${name} ${help}\n# TYPE stackpass_${name} ${type}\n${lines.join("")}`;
}

const labelsText = (labels: Record<string, string> = {}) => {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`))}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
};
