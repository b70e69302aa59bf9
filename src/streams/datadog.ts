import {
  type Batch,
  type Credentials,
  type DatadogDestination,
  type FaultOf,
  type Parcel,
  gzip,
  pageFault,
  statusFault,
} from "./destination.ts";

/** Datadog's logs (identity-facts A-11). It drops entries that are older than 18 hours, and answers as if it had taken them. */

export async function datadogEntries({ url }: DatadogDestination, { secret }: Credentials, { records, host }: Batch): Promise<Parcel> {
  const entries = records.map((record) => ({
    ddsource: "stackpass",
    service: "stackpass",
    hostname: host,
    timestamp: record["at"],
    message: record["description"],
    audit: record,
  }));
  return {
    url: `${url}/api/v2/logs`,
    request: {
      method: "POST",
      headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" },
      credentials: { "DD-API-KEY": secret },
      body: await gzip(JSON.stringify(entries)),
    },
  };
}

export const datadogFault: FaultOf = (answer) =>
  statusFault(answer) ??
  pageFault(answer) ??
  (answer.status === 202 ? undefined : "The answer does not come from Datadog: its status is not 202.");
