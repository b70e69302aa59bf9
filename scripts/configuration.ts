/** The configuration of the Worker that wrangler gets: `wrangler.toml`, or what follows from it for `--env NAME` and for `--saml`. */
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { environment } from "./environment.ts";

export const root = join(import.meta.dirname, "..");

export const CONFIG = "wrangler.toml";
export const SAML_CONFIG = "wrangler.saml.toml";

/** The parts of a configuration that name something in the account, or an address. */
interface Configuration {
  name: string;
  d1_databases?: { binding?: string; database_name?: string }[];
  r2_buckets?: { bucket_name?: string }[];
  queues?: { producers?: { queue: string }[]; consumers?: { queue: string; dead_letter_queue?: string }[] };
  ratelimits?: { namespace_id: string }[];
  services?: { binding: string; service: string }[];
  vars?: Record<string, unknown>;
  /** An operator sets the domain and the variables of an environment here. */
  env?: Record<string, Partial<Configuration>>;
  [other: string]: unknown;
}

export const readConfiguration = (file: string): Configuration => parse(readFileSync(join(root, file), "utf8")) as Configuration;

/** The configuration of a Worker in the environment that the command is about. */
export const configuration = (file: string = CONFIG): Configuration => inEnvironment(readConfiguration(file), environment);

/** The bindings of the databases of a deployment, the directory first (docs/scale.md). */
export const databasesOf = ({ d1_databases: all = [] }: Configuration): string[] => all.map(({ binding = "" }) => binding);

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
 * @param prefix the name of the main Worker, behind which the environment stands
 */
export function inEnvironment(whole: Configuration, name: string | undefined, prefix = readConfiguration(CONFIG).name): Configuration {
  const { env, ...main } = whole;
  if (name === undefined) return main as Configuration;
  const { routes: _routes, route: _route, workers_dev: _workersDev, ...shared } = main as Configuration;
  const { PUBLIC_URL: _publicUrl, OWN_HOSTS: _ownHosts, ...vars } = shared.vars ?? {};
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
  if (environment === undefined && !saml) return file;
  const name = ["wrangler", "generated", file === SAML_CONFIG ? "second" : saml ? "saml" : "main", environment, "json"]
    .filter(Boolean)
    .join(".");
  if (written.has(name)) return name;
  const config = configuration(file);
  writeFileSync(join(root, name), JSON.stringify(saml ? withSaml(config, configuration(SAML_CONFIG).name) : config, null, 2));
  written.add(name);
  process.once("exit", () => rmSync(join(root, name), { force: true }));
  return name;
}
