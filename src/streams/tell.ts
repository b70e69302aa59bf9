import { type Destination, type StreamFormat, hasRole } from "./destination.ts";

/** A destination in a sentence of the audit log: nothing of it can be a credential. */
export function placeOf(destination: Destination): string {
  const { host } = new URL(destination.url);
  switch (destination.kind) {
    case "s3": {
      const prefix = destination.prefix.replaceAll(/^\/+|\/+$/g, "");
      return `the bucket ${destination.bucket}${prefix === "" ? "" : ` under ${JSON.stringify(prefix)}`} at ${host}${hasRole(destination) ? ` with the role ${destination.roleArn}` : ""}`;
    }
    case "https":
      return host;
    case "splunk":
      return `Splunk at ${host}`;
    case "datadog":
      return `Datadog at ${host}`;
    case "elastic":
      return `the index ${destination.index} of Elasticsearch at ${host}`;
  }
}

interface Told {
  name: string;
  format: StreamFormat;
  destination: Destination;
}

/** Describes for the audit log what is different after a stream was changed. */
export function differences(before: Told, after: Told): string[] {
  const shown: [string, (told: Told) => string][] = [
    ["name", ({ name }) => JSON.stringify(name)],
    ["format", ({ format }) => format],
    ["destination", ({ destination }) => placeOf(destination)],
  ];
  const changes = shown.flatMap(([what, show]) => (show(before) === show(after) ? [] : [`${what} from ${show(before)} to ${show(after)}`]));
  const isSame = JSON.stringify(before.destination) === JSON.stringify(after.destination);
  return isSame || placeOf(before.destination) !== placeOf(after.destination) ? changes : [...changes, "settings of the destination"];
}
