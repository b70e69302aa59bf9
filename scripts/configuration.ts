/** The configuration of the Worker that wrangler gets: `wrangler.toml`, or what follows from it for `--env NAME` and for `--saml`. */
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { environment } from "./environment.ts";
import { fail } from "./fail.ts";

export const root = join(import.meta.dirname, "..");

export const CONFIG = "wrangler.toml";
export const SAML_CONFIG = "wrangler.saml.toml";

interface QueueConsumer {
  queue: string;
  dead_letter_queue?: string;
  max_batch_size?: number;
  max_batch_timeout?: number;
  max_retries?: number;
  max_concurrency?: number;
}

/** The parts of a configuration that our scripts read. Most of them name something in the account, or an address. */
export interface Configuration {
  name: string;
  d1_databases?: { binding?: string; database_name?: string }[];
  kv_namespaces?: { binding: string }[];
  r2_buckets?: { binding?: string; bucket_name?: string }[];
  durable_objects?: { bindings: { name: string; class_name: string }[] };
  queues?: { producers?: { binding?: string; queue: string }[]; consumers?: QueueConsumer[] };
  ratelimits?: { name?: string; namespace_id: string; simple?: { limit: number; period: number } }[];
  services?: { binding: string; service: string }[];
  send_email?: { name: string }[];
  assets?: { binding?: string };
  secrets?: { required?: string[] };
  routes?: { pattern: string; custom_domain?: boolean }[];
  workers_dev?: boolean;
  vars?: Record<string, unknown>;
  /** An operator sets the domain and the variables of an environment here. */
  env?: Record<string, Partial<Configuration>>;
  [other: string]: unknown;
}

export const readConfiguration = (file: string): Configuration => parse(readFileSync(join(root, file), "utf8")) as Configuration;

/** The configuration of a Worker in the environment that the command is about. */
export function configuration(file: string = CONFIG, { saml = false } = {}): Configuration {
  const config = atDomain(inEnvironment(readConfiguration(file), environment));
  return saml ? withSaml(config, configuration(SAML_CONFIG).name) : config;
}

/**
 * The configuration with the two addresses of the setting `DOMAIN`: `api.` for the CLI and `app.` for people. The CLI finds the second one
 * by the first one. The Worker gets other variables in the place of this one.
 */
export function atDomain(config: Configuration): Configuration {
  if (config.vars?.["DOMAIN"] === undefined) return config;
  const { DOMAIN: domain, ...vars } = config.vars;
  if (typeof domain !== "string" || domain.length > 240 || !/^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(domain))
    return fail(`DOMAIN in ${CONFIG} is a domain in lower case, as in DOMAIN = "example.com"`);
  if (config.routes ?? config["route"]) return fail(`${CONFIG} has both DOMAIN and routes: keep one of them`);
  const [api, app] = [`api.${domain}`, `app.${domain}`];
  const hosts = [vars["OWN_HOSTS"], api].filter((text) => typeof text === "string" && text !== "");
  return {
    ...config,
    workers_dev: false,
    routes: [api, app].map((pattern) => ({ pattern, custom_domain: true })),
    vars: { PUBLIC_URL: `https://${app}`, ...vars, OWN_HOSTS: hosts.join(",") },
  };
}

/** The bindings of the databases of a deployment, the directory first, in whatever order an operator has written them (docs/scale.md). */
export const databasesOf = ({ d1_databases: all = [] }: Configuration): string[] =>
  all.map(({ binding = "" }) => binding).sort((a, b) => Number(b === "DB") - Number(a === "DB"));

/** Why a command that copies one database may not run; undefined if the deployment has only one. */
export function severalDatabases(config: Configuration): string | undefined {
  const names = databasesOf(config);
  return names.length < 2
    ? undefined
    : `this deployment has the databases ${names.join(", ")}, and this command knows only one: use Time Travel for each (docs/scale.md)`;
}

/**
 * The configuration for an environment: the name of every resource contains the environment, so that two deployments in one account share
 * nothing. Domains and addresses of the main deployment are left out, because a domain belongs to one Worker. The section `[env.NAME]` of the
 * file gives the environment its own.
 * @param prefix the name of the main Worker, after which the name of the environment is added
 */
export function inEnvironment(whole: Configuration, name: string | undefined, prefix = readConfiguration(CONFIG).name): Configuration {
  const { env, ...main } = whole;
  if (name === undefined) return main as Configuration;
  const { routes: _routes, route: _route, workers_dev: _workersDev, ...shared } = main as Configuration;
  const { DOMAIN: _domain, PUBLIC_URL: _publicUrl, OWN_HOSTS: _ownHosts, ...vars } = shared.vars ?? {};
  const own = env?.[name] ?? {};
  const named = (resource: string) =>
    resource.startsWith(`${prefix}-`) ? `${prefix}-${name}${resource.slice(prefix.length)}` : `${resource}-${name}`;
  return {
    ...shared,
    ...(shared.d1_databases && {
      d1_databases: shared.d1_databases.map((one) => ({ ...one, database_name: named(one.database_name!) })),
    }),
    ...(shared.r2_buckets && { r2_buckets: shared.r2_buckets.map((one) => ({ ...one, bucket_name: named(one.bucket_name!) })) }),
    ...(shared.queues && {
      queues: {
        ...shared.queues,
        producers: (shared.queues.producers ?? []).map((one) => ({ ...one, queue: named(one.queue) })),
        consumers: (shared.queues.consumers ?? []).map((one) => ({
          ...one,
          queue: named(one.queue),
          ...(one.dead_letter_queue && { dead_letter_queue: named(one.dead_letter_queue) }),
        })),
      },
    }),
    ...(shared.ratelimits && {
      ratelimits: shared.ratelimits.map((one) => ({ ...one, namespace_id: String(Number(one.namespace_id) + offsetOf(name)) })),
    }),
    ...(shared.services && { services: shared.services.map((one) => ({ ...one, service: named(one.service) })) }),
    ...own,
    vars: { ...vars, ...own.vars },
    name: named(shared.name),
  };
}

/** Limiters with the same id in one account count together, so each environment has ids of its own. */
const offsetOf = (name: string) => 10_000 * (1 + (createHash("sha256").update(name).digest().readUInt32BE() % 90_000));

/** The configuration with the binding of the second Worker, unless an operator has put it there. */
function withSaml(config: Configuration, service: string): Configuration {
  const services = config.services ?? [];
  return services.some(({ binding }) => binding === "SAML") ? config : { ...config, services: [...services, { binding: "SAML", service }] };
}

const written = new Set<string>();

/**
 * The file with the configuration of a Worker. A configuration is read with the paths of its own folder, so a generated one is beside the
 * others for as long as the process runs.
 * @returns the name of the file in the checkout
 */
export function configurationFile(file: string = CONFIG, { saml = false } = {}): string {
  const hasDomain = readConfiguration(file).vars?.["DOMAIN"] !== undefined;
  if (environment === undefined && !saml && !hasDomain) return file;
  const name = ["wrangler", "generated", file === SAML_CONFIG ? "second" : saml ? "saml" : "main", environment, "json"]
    .filter(Boolean)
    .join(".");
  if (written.has(name)) return name;
  writeFileSync(join(root, name), JSON.stringify(configuration(file, { saml }), null, 2));
  written.add(name);
  process.once("exit", () => rmSync(join(root, name), { force: true }));
  return name;
}
