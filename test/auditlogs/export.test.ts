import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { appendToChains } from "../../src/audit/append.ts";
import { type ChainRecord, chainAfter, chainFaultOf, genesis } from "../../src/audit/chain.ts";
import type { AuditEvent } from "../../src/audit/record.ts";
import { formats } from "../../src/auditlogs/formats.ts";
import type { Bindings } from "../../src/env.ts";
import { call, refused } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";

let world: World;
let orgId: string;
beforeEach(async () => {
  world = await newWorld();
  orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
});

const event = (i: number, more: Partial<AuditEvent> = {}): AuditEvent => ({
  id: `e-${String(i).padStart(5, "0")}`,
  orgId,
  at: Date.UTC(2026, 2, 5, 7, 8, 9) + i * 1000,
  event: "stack-created",
  description: `Created ${i}.`,
  sourceIp: "203.0.113.9",
  userLogin: "mel",
  userName: "Mel",
  tokenId: "t-1",
  tokenName: "ci",
  stack: "web/dev",
  openedWith: "",
  reqOrgAdmin: false,
  reqStackAdmin: false,
  authFailure: false,
  ...more,
});

const append = (...events: AuditEvent[]) => appendToChains(env as Bindings, events);

async function exported(query = "", version = "v2/"): Promise<string> {
  const response = await call("GET", `/api/orgs/acme/auditlogs/${version}export?${query}`, { token: world.admin });
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
  expect(response.headers.get("Content-Encoding")).toBe("gzip");
  // The runtime inflates an answer that is marked as gzip.
  return response.text();
}

const HEADER =
  "Timestamp,Name,Login,Event,Description,SourceIP,RequireOrgAdmin,RequireStackAdmin,AuthenticationFailure,TokenID,TokenName,ActorName,ActorUrn,OpenedWith";

describe("an export", () => {
  it("is CSV unless asked otherwise, gzipped, newest first, every cell quoted", async () => {
    await append(
      event(0, { openedWith: "p-1" }),
      event(1, { event: "stack-deleted", description: 'Deleted "acme/web/dev",\nreally.', reqStackAdmin: true, tokenName: "" }),
      event(2, { event: "unknown-later-event", userName: 'M"e"l' }),
    );
    expect((await exported()).split("\r\n")).toEqual([
      HEADER,
      `"2026-03-05T07:08:11Z","M""e""l","mel","unknown-later-event","Created 2.","203.0.113.9","false","false","false","t-1","ci","","",""`,
      `"2026-03-05T07:08:10Z","Mel","mel","Stack Deleted","Deleted ""acme/web/dev"",\nreally.","203.0.113.9","false","true","false","t-1","","","",""`,
      `"2026-03-05T07:08:09Z","Mel","mel","Stack Created","Created 0.","203.0.113.9","false","false","false","t-1","ci","","","p-1"`,
      "",
    ]);
    expect(await exported("format=csv", "")).toBe(await exported());
  });

  it("has only a header when there are no events", async () => {
    expect(await exported()).toBe(`${HEADER}\r\n`);
    for (const format of ["cef", "jsonl", "ocsf"]) expect(await exported(`format=${format}`)).toBe("");
  });

  it("is CEF, escaped", async () => {
    await append(event(0, { description: "a=b|c\\d\ne", authFailure: true, stack: "" }));
    expect(await exported("format=cef")).toBe(
      `Mar 05 07:08:09 stackpass.test CEF:0|Stackpass|Stackpass|1|stack-created|Stack Created|7|rt=1772694489000 dvchost=stackpass.test ` +
        `src=203.0.113.9 suser=mel msg=a\\=b|c\\\\d\\ne externalId=e-00000 orgID=${orgId} userID=mel requireOrgAdmin=false ` +
        `requireStackAdmin=false authenticationFailure=true tokenID=t-1 tokenName=ci\n`,
    );
  });

  it("has no cell that a spreadsheet reads as a formula", async () => {
    const starts = ["=", "+", "-", "@", "\t", "\r", "＝"];
    await append(...starts.map((start, i) => event(i, { userName: `${start}HYPERLINK("http://evil.example")`, tokenName: `${start}1` })));
    const rows = (await exported()).split("\r\n").slice(1, -1).toReversed();
    for (const [i, start] of starts.entries()) {
      expect(rows[i]).toContain(`,"'${start}HYPERLINK(""http://evil.example"")",`);
      expect(rows[i]).toMatch(/,"'.1","","",""$/su);
    }
  });

  it.each([
    [";=cmd|'/C calc'!A0;", ";'=cmd|'/C calc'!A0;"],
    ['; "=1+1', `; "'=1+1`],
    ["a\t@SUM(A1)", "a\t'@SUM(A1)"],
    ["a|\r\n-1", "a|'\r\n'-1"],
    ["a,+1;b", "a,'+1;b"],
    [' "\u00a0=1', ` "\u00a0'=1`],
    ["a=b; c-d, e@f | 1+1 = 2", "a=b; c-d, e@f | 1+1 = 2"],
  ])("turns %j into a cell that is text, whichever separator its reader splits at", async (description, cell) => {
    await append(event(0, { description }));
    expect(await exported()).toContain(`,"${cell.replaceAll('"', '""')}",`);
  });

  it("has no formula after any separator, quoted or not, also in a long text", () => {
    const piece = fc.constantFrom(..."=+-@\t\r\n＝＋－＠,;|\"' a");
    fc.assert(
      fc.property(fc.string({ unit: piece, maxLength: 12 }), fc.string({ unit: piece, maxLength: 12 }), (description, tokenName) => {
        const line = formats.csv.line({ ...event(0, { description, tokenName }), seq: 1, prevHash: "", hash: "" }, "host");
        for (const separator of [",", ";", "\t", "|", "\n", "\r"])
          for (const part of line.slice(0, -2).split(separator)) expect(part.replace(/^[" ]+/, "")).not.toMatch(/^[=+\-@\t\r＝＋－＠]/);
      }),
      { numRuns: 3000 * inject("sizes").runs },
    );
    formats.csv.line({ ...event(0, { description: '\n ;"'.repeat(100_000) }), seq: 1, prevHash: "", hash: "" }, "host");
  });

  it("has one line for each record in CEF, whatever characters its reader treats as the end of a line", async () => {
    const forged = ["\u0085", "\u2028", "\u2029", "\u000b", "\u000c", "\u001e", "\r\n"]
      .map((end) => `${end}Mar 05 07:08:09 h CEF:0|x`)
      .join("");
    await append(event(0, { description: forged, userLogin: "a\u2028b" }));
    const text = await exported("format=cef");
    // oxlint-disable-next-line no-control-regex
    expect(text.split(/[\u0085\u2028\u2029\u000b\u000c\u001c-\u001f\r\n]/)).toHaveLength(2);
  });

  it("is OCSF, with one API activity on each line", async () => {
    await append(event(0), event(1, { event: "auth-failure-stack-permission", authFailure: true }));
    const lines = (await exported("format=ocsf"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ class_uid: 6003, activity_id: 99, type_uid: 600399, status_id: 2, severity_id: 3 });
    expect(lines[1]).toMatchObject({
      activity_id: 1,
      time: event(0).at,
      message: "Created 0.",
      actor: { user: { uid: "mel" }, session: { credential_uid: "t-1" } },
      resources: [{ type: "stack", name: "web/dev" }],
    });
  });

  it("names the token that opened a session, in every format", async () => {
    await append(event(0, { tokenId: "s-1", tokenName: "console session", openedWith: "p-1" }), event(1));
    expect(await exported("format=cef")).toContain(" tokenID=s-1 tokenName=console session stack=web/dev openedWith=p-1\n");
    const [, first] = (await exported("format=ocsf")).split("\n").map((line) => (line ? (JSON.parse(line) as object) : {}));
    expect(first).toMatchObject({ actor: { session: { uid: "s-1", credential_uid: "p-1" } } });
    const [opened, other] = (await exported("format=jsonl"))
      .split("\n")
      .map((line) => (line ? (JSON.parse(line) as ChainRecord) : undefined));
    expect(opened).toMatchObject({ tokenId: "s-1", openedWith: "p-1" });
    // The member is absent if there is no such token, so that older records keep their hashes.
    expect(other).not.toHaveProperty("openedWith");
    const { openedWith: _, ...old } = event(1);
    expect(chainAfter(genesis, event(1)).hash).toBe(chainAfter(genesis, old).hash);
  });

  it("is JSON lines that make the whole chain, over many pages", async () => {
    const events = Array.from({ length: 1234 }, (_, i) => event(i));
    await append(...events.slice(0, 700));
    await append(...events.slice(700));
    const records = (await exported("format=jsonl"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as ChainRecord);
    expect(records.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
    for (const [i, record] of records.entries()) expect(chainFaultOf(record, records[i - 1] ?? genesis)).toBeUndefined();
    expect((await exported()).trim().split("\r\n")).toHaveLength(1235);
  });

  it("takes the list's filters and both meanings of startTime", async () => {
    await append(event(0), event(1, { userLogin: "ada" }), event(2, { event: "stack-deleted" }));
    const second = event(1).at / 1000;
    const rows = async (query: string, version?: string) =>
      (await exported(query, version))
        .split("\r\n")
        .slice(1, -1)
        .map((row) => row.slice(18, 20));
    expect(await rows(`startTime=${second}`)).toEqual(["11", "10"]);
    expect(await rows(`startTime=${second}`, "")).toEqual(["09"]);
    expect(await rows("userFilter=ada")).toEqual(["10"]);
    expect(await rows("eventType=stack-deleted")).toEqual(["11"]);
    expect(await rows("textFilter=created&tokenFilter=t-1")).toEqual(["11", "10", "09"]);
    expect(await exported("format=jsonl&eventFilter=stack-deleted")).toContain('"seq":3');
  });

  it.each(["format=xml", "startTime=x", "continuationToken=x"])("cannot be %s", async (query) => {
    await refused(400, "GET", `/api/orgs/acme/auditlogs/v2/export?${query}`, { token: world.admin });
  });

  it("is refused for an unknown user, and for members", async () => {
    await refused(404, "GET", "/api/orgs/acme/auditlogs/export?user=nobody", { token: world.admin });
    await refused(403, "GET", "/api/orgs/acme/auditlogs/export", { token: world.member });
  });
});
