import { type Batch, type Credentials, type FaultOf, type Parcel, type SplunkDestination, jsonOf, statusFault } from "./destination.ts";

/** Splunk's HTTP Event Collector (identity-facts A-10). */

export function splunkEvents({ url, index }: SplunkDestination, { secret }: Credentials, { records, host }: Batch): Parcel {
  const events = records.map((record) =>
    JSON.stringify({
      time: Number(record["at"]) / 1000,
      host,
      source: "stackpass",
      sourcetype: "stackpass:audit",
      ...(index !== "" && { index }),
      event: record,
    }),
  );
  return {
    url: `${url}/services/collector/event`,
    request: {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: { Authorization: `Splunk ${secret}` },
      body: events.join("\n"),
    },
  };
}

export const splunkFault: FaultOf = (answer) => {
  const code = (jsonOf(answer) as { code?: unknown } | null | undefined)?.code;
  const fault = statusFault(answer);
  if (fault) return typeof code === "number" ? `${fault} Splunk's code is ${code}.` : fault;
  return code === 0 ? undefined : "The answer does not come from Splunk's HTTP Event Collector.";
};
