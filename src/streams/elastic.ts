import { type Batch, type Credentials, type ElasticDestination, type FaultOf, type Parcel, jsonOf, statusFault } from "./destination.ts";

/** The bulk interface of Elasticsearch (identity-facts A-12). */

export function elasticBulk({ url, index }: ElasticDestination, { secret }: Credentials, { records, org, at }: Batch): Parcel {
  const pairs = records.flatMap((record) => [
    // A record that is there already is a conflict (409), and not a second document.
    JSON.stringify({ create: { _index: index, _id: record.seq === undefined ? `${org.id}-test-${at}` : `${org.id}-${record.seq}` } }),
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

interface BulkAnswer {
  errors?: unknown;
  items?: Record<string, { status?: unknown }>[];
}

/** An answer of 200 may contain failed items. @param count records that were sent */
export const elasticFault =
  (count: number): FaultOf =>
  (answer) => {
    const fault = statusFault(answer);
    if (fault) return fault;
    const { errors, items } = (jsonOf(answer) ?? {}) as BulkAnswer;
    if (typeof errors !== "boolean") return "The answer does not come from the bulk interface of Elasticsearch.";
    if (!errors) return undefined;
    if (!Array.isArray(items) || items.length !== count) return "Elasticsearch did not say which records it took.";
    const statuses = items.map((item) => Object.values(item ?? {})[0]?.status);
    const failed = statuses.filter((status) => typeof status !== "number" || (status !== 409 && (status < 200 || status >= 300)));
    if (failed.length === 0) return undefined;
    return `Elasticsearch refused ${failed.length} of ${count} records, the first with status ${typeof failed[0] === "number" ? failed[0] : "unknown"}.`;
  };
