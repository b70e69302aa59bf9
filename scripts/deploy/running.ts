/** Reads what runs in Cloudflare, through wrangler. Nothing is changed there. */
import { explain, stop } from "../preflight.ts";
import { wrangler } from "../wrangler.ts";

/** A binding as Cloudflare's API describes it. Other members depend on its type. */
export interface Binding {
  name: string;
  type: string;
  [member: string]: unknown;
}

export interface Version {
  /** Percentage of the requests that it answers. */
  share: number;
  tag: string | undefined;
  bindings: Binding[];
  compatibilityDate: string | undefined;
}

export interface Consumer {
  script: string | undefined;
  deadLetterQueue: string | undefined;
  settings: Record<string, unknown>;
}

export interface Database {
  id: string | undefined;
  migrations: string[];
  /** When each task of the cron last succeeded, in milliseconds. */
  cron: Record<string, number>;
}

/** The versions that answer requests. The list is empty if the Worker does not exist. */
export function readVersions(): Version[] {
  const status = wrangler(["deployments", "status", "--json"]);
  // These codes mean that the Worker does not exist.
  if (status.code !== 0 && /\[code: (10007|10090)\]|has no deployments|does not exist/i.test(status.output)) return [];
  const { versions } = must(status) as { versions: { version_id: string; percentage: number }[] };
  return versions.map(({ version_id: id, percentage }) => {
    interface View {
      annotations?: Record<string, string>;
      resources: { bindings: Binding[]; script_runtime?: { compatibility_date?: string } };
    }
    const { annotations, resources } = must(wrangler(["versions", "view", id, "--json"])) as View;
    return {
      share: percentage,
      tag: annotations?.["workers/tag"],
      bindings: resources.bindings,
      compatibilityDate: resources.script_runtime?.compatibility_date,
    };
  });
}

const QUERY = "SELECT name, 0 AS time FROM d1_migrations UNION ALL SELECT 'cron ' || label, value FROM measures WHERE name = 'cron'";

/** The database with this binding and this name. @returns undefined when there is none */
export function readDatabase(binding: string, name: string): Database | undefined {
  const info = wrangler(["d1", "info", name, "--json"]);
  if (info.code !== 0 && /Couldn't find a D1 DB/i.test(info.output)) return undefined;
  const { uuid } = must(info) as { uuid?: string };
  const answer = wrangler(["d1", "execute", binding, "--remote", "--json", "--command", QUERY]);
  // This message means that no migration has been applied to the database.
  if (answer.code !== 0 && /no such table/i.test(answer.output)) return { id: uuid, migrations: [], cron: {} };
  const rows = (must(answer) as { results: { name: string; time: number }[] }[]).flatMap(({ results }) => results);
  const isCron = ({ name: text }: { name: string }) => text.startsWith("cron ");
  return {
    id: uuid,
    migrations: rows.filter((row) => !isCron(row)).map((row) => row.name),
    cron: Object.fromEntries(rows.filter(isCron).map((row) => [row.name.slice("cron ".length), row.time])),
  };
}

/** The Workers that consume a queue. @returns undefined when there is no such queue */
export function readConsumers(queue: string): Consumer[] | undefined {
  const answer = wrangler(["queues", "consumer", "worker", "list", queue, "--json"]);
  if (answer.code !== 0 && /does not exist/i.test(answer.output)) return undefined;
  interface Listed {
    script?: string;
    service?: string;
    dead_letter_queue?: string;
    settings?: Record<string, unknown>;
  }
  return (must(answer) as Listed[]).map(({ script, service, dead_letter_queue: deadLetterQueue, settings = {} }) => ({
    script: script ?? service,
    deadLetterQueue,
    settings,
  }));
}

/** The JSON that a command has printed. A failure ends the script with the reason, and with advice. */
function must({ code, output, stdout }: ReturnType<typeof wrangler>): unknown {
  if (code !== 0) stop(explain(output), "The deployment could not be compared.");
  try {
    // Some commands print a line before it.
    return JSON.parse(stdout.slice(Math.max(0, stdout.search(/^[[{]/m))));
  } catch {
    return stop("wrangler answered with a text that is not JSON. The deployment could not be compared.");
  }
}
