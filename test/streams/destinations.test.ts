import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { type ChainRecord, chainAfter, genesis } from "../../src/audit/chain.ts";
import type { OutgoingAnswer } from "../../src/http/outgoing.ts";
import { MOST_RECORDS, firstBatch } from "../../src/streams/batch.ts";
import { datadogEntries, datadogFault } from "../../src/streams/datadog.ts";
import type { Batch, S3Destination, StreamFormat } from "../../src/streams/destination.ts";
import { elasticBulk, elasticFault } from "../../src/streams/elastic.ts";
import { httpsFault } from "../../src/streams/https.ts";
import { batchObject, s3Fault } from "../../src/streams/s3.ts";
import { sendBatch } from "../../src/streams/send.ts";
import { splunkEvents, splunkFault } from "../../src/streams/splunk.ts";
import type { Document } from "../support/document.ts";
import { bindings, gunzip } from "./support/receiver.ts";

const AT = Date.UTC(2026, 1, 3, 4, 5);
function recordsOf(count: number, description = "Created a token."): ChainRecord[] {
  const records: ChainRecord[] = [];
  for (let i = 0; i < count; i++)
    records.push(chainAfter(records.at(-1) ?? genesis, { id: `e-${i}`, orgId: "org", at: AT + i, event: "stack-created", description }));
  return records;
}
const batchOf = (count: number, format: StreamFormat = "jsonl"): Batch => {
  const records = recordsOf(count);
  const org = { id: "org", name: "acme" };
  return {
    streamId: "stream",
    org,
    host: "stackpass.example.com",
    format,
    ...firstBatch(records, format, "stackpass.example.com"),
    at: AT,
  };
};
const answer = (status: number, body: unknown = "", headers: Record<string, string> = {}): OutgoingAnswer => ({
  status,
  headers: new Headers(headers),
  body: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
});

describe("a batch", () => {
  it("has at most a thousand records and a megabyte, at least one record, and the end that it had before", () => {
    const many = recordsOf(MOST_RECORDS);
    expect(firstBatch(many, "jsonl", "h").records).toHaveLength(MOST_RECORDS);
    const large = recordsOf(5, "ü".repeat(200_000));
    expect(firstBatch(large, "jsonl", "h").records).toHaveLength(2);
    expect(firstBatch(recordsOf(2, "x".repeat(1_500_000)), "jsonl", "h").records).toHaveLength(1);
    expect(firstBatch(many, "jsonl", "h", 7).records).toHaveLength(7);
    expect(firstBatch([], "jsonl", "h").records).toEqual([]);
  });
});

describe("the signature of a request to S3", () => {
  const base: S3Destination = {
    kind: "s3",
    url: "https://s3.eu-central-1.amazonaws.com",
    region: "eu-central-1",
    bucket: "audit-log",
    prefix: "a b/ü+(1)*'!~&=#?%",
    pathStyle: false,
    accessKeyId: "AKIDEXAMPLE",
  };
  it.each<[string, Partial<S3Destination>, string]>([
    ["in virtual-host style", {}, "https://audit-log.s3.eu-central-1.amazonaws.com/"],
    ["in path style", { pathStyle: true, region: "auto", url: "https://r2.example.com:8443" }, "https://r2.example.com:8443/audit-log/"],
    ["without a prefix", { prefix: "" }, "https://audit-log.s3.eu-central-1.amazonaws.com/"],
  ])("is the one that another implementation computes, %s", async (_, more, begin) => {
    const destination = { ...base, ...more };
    const { url, request } = await batchObject(destination, { secret: "the secret/+=" }, batchOf(3));
    expect(url.startsWith(begin)).toBe(true);
    const { hostname, host, pathname } = new URL(url);
    const headers = Object.fromEntries(Object.entries({ ...request.headers }).map(([name, value]) => [name.toLowerCase(), value]));
    const signer = new SignatureV4({
      service: "s3",
      region: destination.region,
      credentials: { accessKeyId: destination.accessKeyId, secretAccessKey: "the secret/+=" },
      sha256: Sha256,
      uriEscapePath: false,
    });
    const date = headers["x-amz-date"]!;
    const expected = await signer.sign(
      { method: "PUT", protocol: "https:", hostname, path: pathname, headers: { ...headers, host }, body: request.body },
      {
        signingDate: new Date(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z")),
        unsignableHeaders: new Set(["content-type"]),
      },
    );
    expect(request.credentials!["Authorization"]).toBe(expected.headers["authorization"]);
    expect(headers["if-none-match"]).toBe("*");
    // Each character of the name is encoded once.
    const key = decodeURIComponent(pathname).slice(destination.pathStyle ? "/audit-log/".length : 1);
    const { hash } = recordsOf(3)[2]!;
    const prefix = destination.prefix === "" ? "" : `${destination.prefix}/`;
    expect(key).toBe(`${prefix}acme/2026/02/03/04/000000000001-000000000003-${hash.slice(0, 12)}.jsonl.gz`);
    expect(await gunzip(request.body as Uint8Array)).toBe(batchOf(3).lines.join(""));
  });
});

describe("the requests of", () => {
  it("Splunk are events one after another", () => {
    const { url, request } = splunkEvents(
      { kind: "splunk", url: "https://splunk.example.com:8088", index: "" },
      { secret: "t" },
      batchOf(2),
    );
    expect(url).toBe("https://splunk.example.com:8088/services/collector/event");
    expect(request.credentials).toEqual({ Authorization: "Splunk t" });
    const [first, second] = String(request.body)
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toEqual({
      time: AT / 1000,
      host: "stackpass.example.com",
      source: "stackpass",
      sourcetype: "stackpass:audit",
      event: recordsOf(1)[0],
    });
    expect(second).toMatchObject({ time: (AT + 1) / 1000 });
  });

  it("Datadog are a gzipped list", async () => {
    const { url, request } = await datadogEntries(
      { kind: "datadog", url: "https://http-intake.logs.datadoghq.eu" },
      { secret: "k" },
      batchOf(2),
    );
    expect(url).toBe("https://http-intake.logs.datadoghq.eu/api/v2/logs");
    expect([request.credentials, request.headers!["Content-Encoding"]]).toEqual([{ "DD-API-KEY": "k" }, "gzip"]);
    expect(JSON.parse(await gunzip(request.body as Uint8Array))).toMatchObject([
      { ddsource: "stackpass", hostname: "stackpass.example.com", timestamp: AT, message: "Created a token.", audit: { seq: 1 } },
      { audit: { seq: 2 } },
    ]);
  });

  it("Elasticsearch are pairs of lines with an id for each record", () => {
    const { url, request } = elasticBulk(
      { kind: "elastic", url: "https://es.example.com/proxy", index: "audit" },
      { secret: "k" },
      batchOf(1),
    );
    expect(url).toBe("https://es.example.com/proxy/_bulk?filter_path=errors,items.*.status");
    expect(request.credentials).toEqual({ Authorization: "ApiKey k" });
    const [create, document, end] = String(request.body).split("\n");
    expect(JSON.parse(create!)).toEqual({ create: { _index: "audit", _id: `org-1-${recordsOf(1)[0]!.hash.slice(0, 12)}` } });
    expect(JSON.parse(document!)).toEqual({ "@timestamp": "2026-02-03T04:05:00.000Z", ...recordsOf(1)[0] });
    expect(end).toBe("");
  });
});

describe("an answer", () => {
  const html = { "Content-Type": "text/html; charset=utf-8" };
  const items = (...statuses: unknown[]) => ({ errors: true, items: statuses.map((status) => ({ create: { status } })) });
  it.each<[string, string | undefined, (typeof httpsFault)[], OutgoingAnswer]>([
    ["of any success", undefined, [httpsFault], answer(204)],
    ["that is a web page", "is a web page", [httpsFault, datadogFault], answer(200, "<html>", html)],
    ["that is a web page", "does not come from", [s3Fault, splunkFault, elasticFault(1)], answer(200, "<html>", html)],
    ["of a proxy", "does not come from", [s3Fault, splunkFault, elasticFault(1), datadogFault], answer(200, "null")],
    ["of 401", "refused the credential (status 401)", [s3Fault, splunkFault, elasticFault(1), datadogFault, httpsFault], answer(401)],
    ["of 404", "does not exist", [s3Fault, splunkFault, elasticFault(1), datadogFault, httpsFault], answer(404)],
    ["of 500", "with status 500", [s3Fault, splunkFault, elasticFault(1), datadogFault, httpsFault], answer(500)],
    ["of S3", undefined, [s3Fault], answer(200, "", { ETag: '"x"' })],
    ["of S3 to a batch that is there", undefined, [s3Fault], answer(412)],
    [
      "of S3 to a wrong key",
      "The store says SignatureDoesNotMatch.",
      [s3Fault],
      answer(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>"),
    ],
    ["of S3 that would be shown", "(status 403).", [s3Fault], answer(403, "<Code><script>alert(1)</script></Code>")],
    ["of Splunk", undefined, [splunkFault], answer(200, { text: "Success", code: 0 })],
    ["of Splunk to a bad index", "Splunk's code is 7.", [splunkFault], answer(400, { text: "Incorrect index", code: 7 })],
    ["of Splunk without success", "does not come from", [splunkFault], answer(200, { text: "?", code: "0" })],
    ["of Datadog", undefined, [datadogFault], answer(202, {})],
    ["of Elasticsearch", undefined, [elasticFault(2)], answer(200, { errors: false })],
    ["of Elasticsearch to records that are there", undefined, [elasticFault(2)], answer(200, items(409, 201))],
    [
      "of Elasticsearch with a failed record",
      "refused 1 of 3 records, the first with status 400",
      [elasticFault(3)],
      answer(200, items(409, 400, 201)),
    ],
    [
      "of Elasticsearch with a failed record, whose number is known",
      "refused 1 of 3 records, the first (record 42) with status 400",
      [elasticFault(3, 41)],
      answer(200, items(409, 400, 201)),
    ],
    ["of Elasticsearch with too few records", "does not show which", [elasticFault(3)], answer(200, items(409, 409))],
    ["of Elasticsearch with records that are none", "refused 2 of 2", [elasticFault(2)], answer(200, { errors: true, items: [null, 5] })],
    ["of Elasticsearch with no list", "does not show which", [elasticFault(2)], answer(200, { errors: true, items: "many" })],
  ])("%s: %s", (_, expected, faults, given) => {
    for (const fault of faults)
      if (expected === undefined) expect(fault(given)).toBeUndefined();
      else expect(fault(given)).toContain(expected);
  });
});

describe("a destination on the network", () => {
  const { DOCUMENTS } = env as unknown as { DOCUMENTS: string };
  async function sendTo(document: Document | undefined, within = 5000) {
    const path = `/${crypto.randomUUID()}`;
    if (document) await fetch(DOCUMENTS + path, { method: "PUT", body: JSON.stringify(document) });
    const credentials = { secret: "whsec_AAAA", path };
    return sendBatch(bindings, { kind: "https", url: DOCUMENTS }, credentials, batchOf(2), { within });
  }
  const unreachable = "The destination could not be reached, or it did not answer in time.";

  it("that is there confirms a batch", async () => {
    expect(await sendTo({ body: "ok" })).toBeUndefined();
    expect(await sendTo(undefined)).toMatchObject({ error: "The destination does not exist (status 404)." });
  });

  it("reads the same whether it refuses, closes in the middle or never answers", async () => {
    const refusing = sendBatch(bindings, { kind: "https", url: "http://127.0.0.1:1" }, { secret: "whsec_AAAA" }, batchOf(1));
    expect(await refusing).toEqual({ error: unreachable });
    expect(await sendTo({ how: "broken" })).toEqual({ error: unreachable });
    expect(await sendTo({ how: "slow" }, 50)).toEqual({ error: unreachable });
  });

  it("that redirects, answers without end or asks to wait has failed", async () => {
    expect((await sendTo({ status: 301, headers: { Location: `${DOCUMENTS}/other` } }))?.error).toContain(
      "a redirect, which is not followed",
    );
    expect((await sendTo({ how: "huge" }))?.error).toBe("The answer of the destination is too long.");
    expect(await sendTo({ status: 429, headers: { "Retry-After": "90" } })).toMatchObject({ asked: 90_000 });
    expect((await sendTo({ headers: { "Content-Type": "text/html" }, body: "<h1>Sign in</h1>" }))?.error).toContain("is a web page");
  });

  it("that is private by now is not called", async () => {
    const deployed = { ...bindings, LOCAL_DEVELOPMENT: "false" };
    const failure = await sendBatch(deployed, { kind: "https", url: "https://10.0.0.1" }, { secret: "whsec_AAAA" }, batchOf(1));
    expect(failure).toEqual({ error: "The address of the destination is private or reserved, so it is not called." });
  });
});
