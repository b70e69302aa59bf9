import type { ChainRecord } from "../audit/chain.ts";
import { type Batch, type Credentials, type ElasticDestination, type FaultOf, type Parcel, jsonOf, statusFault } from "./destination.ts";

/** The bulk interface of Elasticsearch (identity-facts A-12). */

export function elasticBulk({ url, index }: ElasticDestination, { secret }: Credentials, { records, org, at }: Batch): Parcel {
  const pairs = records.flatMap((record) => [
    // A record that is there already is a conflict (409), and not a second document.
    JSON.stringify({ create: { _index: index, _id: `${org.id}-${record.seq === undefined ? `test-${at}` : nameOf(record)}` } }),
    JSON.stringify({ "@timestamp": new Date(Number(record["at"])).toISOString(), ...record }),
  ]);
  return {
    url: `${url}/_bulk?filter_path=errors,items.*.status`,
    request: {
      method: "POST",
      headers: { "Content-Type": "application/x-ndjson" },
      credentials: { Authorization: `ApiKey ${secret}` },
      body: `${pairs.join("\n")}\n`,
    },
  };
}

/** The name has the hash, because a deployment that was restored from a backup uses the numbers of lost records again. */
const nameOf = ({ seq, hash }: ChainRecord) => `${seq}-${hash.slice(0, 12)}`;

interface BulkAnswer {
  errors?: unknown;
  items?: Record<string, { status?: unknown }>[];
}

/** An answer of 200 may contain failed items. @param count records that were sent @param first number of the first one */
export const elasticFault =
  (count: number, first?: number): FaultOf =>
  (answer) => {
    const fault = statusFault(answer);
    if (fault) return fault;
    const { errors, items } = (jsonOf(answer) ?? {}) as BulkAnswer;
    if (typeof errors !== "boolean") return "The answer does not come from the bulk interface of Elasticsearch.";
    if (!errors) return undefined;
    if (!Array.isArray(items) || items.length !== count) return "The answer of Elasticsearch does not show which records it accepted.";
    const statuses = items.map((item) => Object.values(item ?? {})[0]?.status);
    const isRefused = (status: unknown) => typeof status !== "number" || (status !== 409 && (status < 200 || status >= 300));
    const at = statuses.findIndex(isRefused);
    if (at < 0) return undefined;
    const which = first === undefined ? "" : ` (record ${first + at})`;
    const status = typeof statuses[at] === "number" ? statuses[at] : "unknown";
    return `Elasticsearch refused ${statuses.filter(isRefused).length} of ${count} records, the first${which} with status ${status}.`;
  };
