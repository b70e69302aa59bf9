/** Compares what runs with the configuration of the checkout. Each difference is a sentence for the operator. */
import type { Configuration } from "../configuration.ts";
import type { Binding, Consumer, Database, Version } from "./running.ts";

/** Older than this many minutes, the cron has stopped: it runs each minute. */
const CRON_MINUTES = 10;
const MINUTE = 60_000;

/** The members of each binding that the configuration knows. Ids that Cloudflare gives are unknown to it. */
export function wantedBindings(config: Configuration): Binding[] {
  return [
    ...(config.d1_databases ?? []).map(({ binding }) => ({ name: binding!, type: "d1" })),
    ...(config.kv_namespaces ?? []).map(({ binding }) => ({ name: binding, type: "kv_namespace" })),
    ...(config.r2_buckets ?? []).map(({ binding, bucket_name }) => ({ name: binding!, type: "r2_bucket", bucket_name })),
    ...(config.durable_objects?.bindings ?? []).map(({ name, class_name }) => ({ name, type: "durable_object_namespace", class_name })),
    ...(config.queues?.producers ?? []).map(({ binding, queue }) => ({ name: binding!, type: "queue", queue_name: queue })),
    ...(config.ratelimits ?? []).map(({ name, namespace_id, simple }) => ({ name: name!, type: "ratelimit", namespace_id, simple })),
    ...(config.services ?? []).map(({ binding, service }) => ({ name: binding, type: "service", service })),
    ...(config.send_email ?? []).map(({ name }) => ({ name, type: "send_email" })),
    ...(config.assets?.binding ? [{ name: config.assets.binding, type: "assets" }] : []),
    ...Object.entries(config.vars ?? {}).map(([name, text]) =>
      typeof text === "string" ? { name, type: "plain_text", text } : { name, type: "json", json: text },
    ),
  ];
}

const WORDS: Record<string, string> = {
  d1: "database",
  kv_namespace: "KV namespace",
  r2_bucket: "bucket",
  durable_object_namespace: "class of objects",
  queue: "queue",
  ratelimit: "rate limit",
  service: "Worker",
  send_email: "mail binding",
  assets: "folder of files",
  plain_text: "variable",
  json: "variable",
  secret_text: "secret",
};
const wordOf = ({ type }: Binding) => WORDS[type] ?? type;

export function bindingDifferences(config: Configuration, { bindings, compatibilityDate }: Version): string[] {
  const found = new Map(bindings.map((binding) => [binding.name, binding]));
  const wanted = wantedBindings(config);
  const required = config.secrets?.required ?? [];
  const differences = wanted.flatMap((binding) => differencesOf(binding, found.get(binding.name)));
  for (const name of required)
    if (found.get(name)?.type !== "secret_text")
      differences.push(
        `The secret ${name} is missing. \`npx wrangler secret put ${name} --name ${config.name}\` sets it; docs/operate.md explains its value.`,
      );
  const known = new Set([...wanted.map(({ name }) => name), ...required]);
  for (const binding of bindings)
    if (!known.has(binding.name) && binding.type !== "secret_text")
      differences.push(
        `The ${wordOf(binding)} ${binding.name} is in Cloudflare and not in the configuration of this checkout: the next deployment removes it.`,
      );
  const date = config["compatibility_date"];
  if (compatibilityDate !== undefined && compatibilityDate !== date)
    differences.push(`The compatibility date is ${compatibilityDate}, and ${String(date)} in the checkout.`);
  return differences;
}

function differencesOf(wanted: Binding, found: Binding | undefined): string[] {
  const title = `The ${wordOf(wanted)} ${wanted.name}`;
  if (!found) return [`${title} is missing in the running version.`];
  if (found.type !== wanted.type) return [`${title} is a ${wordOf(found)} in the running version.`];
  return Object.keys(wanted)
    .filter((member) => member !== "name" && member !== "type" && wanted[member] !== undefined)
    .filter((member) => !isSame(wanted[member], found[member]))
    .map((member) => `${title} has ${textOf(found[member])} in the running version, and ${textOf(wanted[member])} in the checkout.`);
}

/** Whether each member that the checkout names has the same value. Cloudflare may add others. */
function isSame(wanted: unknown, found: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null || typeof found !== "object" || found === null) return wanted === found;
  return Object.entries(wanted).every(([key, value]) => isSame(value, (found as Record<string, unknown>)[key]));
}

const textOf = (value: unknown): string => (value === undefined ? "no value" : JSON.stringify(value));

export function queueDifferences(config: Configuration, consumersOf: (queue: string) => Consumer[] | undefined): string[] {
  return (config.queues?.consumers ?? []).flatMap((consumer) => {
    const title = `The queue ${consumer.queue}`;
    const found = consumersOf(consumer.queue);
    if (!found) return [`${title} does not exist.`];
    const own = found.find(({ script }) => script === config.name);
    if (!own) return [`${title} is not consumed by ${config.name}: its messages wait.`];
    const others = found.flatMap(({ script }) => (script === config.name ? [] : [script ?? "an unknown Worker"]));
    const waits = own.settings["max_wait_time_ms"];
    return [
      ...others.map((script) => `${title} is also consumed by ${script}, which takes messages away.`),
      ...[
        ["max_batch_size", consumer.max_batch_size, own.settings["batch_size"]],
        ["max_batch_timeout", consumer.max_batch_timeout, typeof waits === "number" ? waits / 1000 : waits],
        ["max_retries", consumer.max_retries, own.settings["max_retries"]],
        ["max_concurrency", consumer.max_concurrency, own.settings["max_concurrency"] ?? undefined],
        ["dead_letter_queue", consumer.dead_letter_queue, own.deadLetterQueue || undefined],
      ]
        .filter(([, wanted, runs]) => wanted !== runs)
        .map(([name, wanted, runs]) => `${title}: ${String(name)} is ${textOf(runs)}, and ${textOf(wanted)} in the checkout.`),
    ];
  });
}

/** @param wanted names of the migrations in the checkout */
export function databaseDifferences(database: Database, binding: string, versions: Version[], wanted: string[], now: number): string[] {
  const pending = wanted.filter((name) => !database.migrations.includes(name));
  const unknown = database.migrations.filter((name) => !wanted.includes(name));
  const bound = versions.flatMap(({ bindings }) => bindings.filter(({ name, type }) => name === binding && type === "d1"));
  const last = Math.max(0, ...Object.values(database.cron));
  return [
    ...(pending.length > 0 ? [`Migrations that are not applied: ${pending.join(", ")}.`] : []),
    ...(unknown.length > 0 ? [`Migrations of a newer release that the database has: ${unknown.join(", ")}.`] : []),
    ...(bound.some(({ id, database_id }) => database.id !== undefined && (id ?? database_id) !== database.id)
      ? ["The running version uses another database than the one that the migrations go to."]
      : []),
    ...(now - last > CRON_MINUTES * MINUTE
      ? [
          last === 0
            ? "The cron has never run. Within some minutes after a first deployment this is normal; later, deploy again."
            : `The cron has not run since ${new Date(last).toISOString()}. Its trigger is missing, or all of its tasks fail: deploy again, then read the log.`,
        ]
      : []),
  ];
}
