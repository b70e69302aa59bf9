import type { DeploymentNumbers } from "./numbers.ts";
import type { OrganizationNumbers } from "./organization.ts";

interface Metric {
  /** The name of a counter ends with `_total`. docs/operate.md explains each metric. */
  name: string;
  samples: { labels?: Record<string, string>; value: number | null }[];
}

/** Version 0.0.4 of Prometheus's text format. Labels are reasons, tasks and the requested organization. */
export function prometheusText(numbers: DeploymentNumbers, now: number, organization?: OrganizationNumbers & { name: string }): string {
  const metrics = [...ofDeployment(numbers, now), ...(organization ? ofOrganization(organization) : [])];
  return metrics.map(textOf).join("");
}

const one = (value: number | null) => [{ value }];
const by = (label: string, values: Record<string, number>) =>
  Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
const age = (now: number, at: number | null) => (at === null ? 0 : Math.max(0, now - at) / 1000);

function ofDeployment({ organizations, refusals, updates, audit, orphansDeleted, cron }: DeploymentNumbers, now: number): Metric[] {
  const day = audit.lastCheckpointDay;
  const queues = [
    { labels: { queue: "audit" }, value: audit.queued },
    { labels: { queue: "audit-dead" }, value: audit.queuedDead },
  ];
  return [
    { name: "refusals_total", samples: by("reason", refusals) },
    { name: "updates_running", samples: one(updates.running) },
    { name: "updates_running_oldest_seconds", samples: one(age(now, updates.oldestStartedAt)) },
    { name: "updates_not_started", samples: one(updates.notStarted) },
    { name: "updates_cut_short_total", samples: by("cause", updates.cutShort) },
    { name: "updates_journals_kept_total", samples: by("cause", updates.journalsKept) },
    { name: "audit_outbox_events", samples: one(audit.outbox) },
    { name: "audit_outbox_oldest_seconds", samples: one(age(now, audit.oldestPromisedAt)) },
    { name: "queue_messages", samples: queues },
    { name: "audit_dead_letters", samples: one(audit.deadLetters) },
    { name: "audit_checkpoints_overdue", samples: one(audit.checkpointsOverdue) },
    { name: "audit_chains_broken", samples: one(audit.chainsBroken) },
    { name: "audit_checkpoint_last_timestamp_seconds", samples: one(day === null ? null : Date.parse(day) / 1000) },
    { name: "orphans_deleted_total", samples: one(orphansDeleted) },
    {
      name: "cron_success_timestamp_seconds",
      samples: by("task", cron).map(({ labels, value }) => ({ labels, value: value / 1000 })),
    },
    { name: "organizations", samples: one(organizations) },
  ];
}

function ofOrganization({ name: organization, refusals, ...numbers }: OrganizationNumbers & { name: string }): Metric[] {
  const gauge = (name: string, value: number): Metric => ({ name: `organization_${name}`, samples: [{ labels: { organization }, value }] });
  return [
    gauge("members", numbers.members),
    gauge("tokens", numbers.tokens),
    gauge("stacks", numbers.stacks),
    gauge("updates_running", numbers.running),
    gauge("audit_events", numbers.auditEvents),
    {
      name: "organization_refusals_last_day",
      samples: Object.entries(refusals).map(([event, value]) => ({ labels: { organization, event }, value })),
    },
  ];
}

/** A metric without a sample is left out, because an unknown value is not zero. */
function textOf({ name, samples }: Metric): string {
  const lines = samples
    .filter(({ value }) => value !== null)
    .map(({ labels, value }) => `stackpass_${name}${labelsText(labels)} ${value}\n`);
  const type = name.endsWith("_total") ? "counter" : "gauge";
  return lines.length === 0 ? "" : `# TYPE stackpass_${name} ${type}\n${lines.join("")}`;
}

const labelsText = (labels: Record<string, string> = {}) => {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`))}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
};
