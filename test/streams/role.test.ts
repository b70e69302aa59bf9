import { env } from "cloudflare:workers";
import { createLocalJWKSet } from "jose/jwks/local";
import { jwtVerify } from "jose/jwt/verify";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { KeyHolder } from "../../src/streams/role.ts";
import { tokenServiceOf } from "../../src/streams/role.ts";
import { settingsOf } from "../../src/streams/settings.ts";
import type { Stream } from "../../src/streams/openapi.ts";
import { deliver } from "../../src/streams/deliver.ts";
import { call, ok, refused } from "../support/client.ts";
import { everythingStored } from "../support/stored.ts";
import { eventsOf } from "../support/audit.ts";
import { type World, newWorld } from "../support/world.ts";
import { STREAMS, addRecords, asleep, bindings, chain, destinations, rowOf, written } from "./support/receiver.ts";
import { RoleStore } from "./support/roleStore.ts";

const CONFIG = "/api/orgs/acme/auditlogs/export/config";
const ROLE = "arn:aws:iam::111122223333:role/audit";
let world: World;
let store: RoleStore;
beforeEach(async () => {
  asleep();
  world = await newWorld();
  store = await RoleStore.start(9140);
});

const send = <T>(method: string, path: string, json?: unknown) =>
  ok<T>(method as "GET", path, { token: world.admin, ...(json !== undefined && { json }) });
const byRole = () => {
  const { accessKeyId: _, secretAccessKey: __, ...bucket } = destinations.s3(store.url);
  return { ...bucket, roleArn: ROLE };
};
const newStream = (name = "archive") => send<Stream>("POST", STREAMS, { name, destination: byRole() });
const step = (id: string, holder: KeyHolder = {}) =>
  deliver(bindings, id, { begun: undefined, begin: async () => undefined, signal: new AbortController().signal, holder });
const errorOf = async (id: string) => (await rowOf(id))?.["error"];

describe("a stream with a role", () => {
  beforeEach(() => addRecords(3));

  it("assumes it with a token of this deployment, writes with the temporary key, and stores no key", async () => {
    const stream = await newStream();
    expect(stream).toMatchObject({ hasSecret: false, destination: { roleArn: ROLE, accessKeyId: "", issuer: "https://stackpass.test" } });
    const holder = {};
    await written();
    await step(stream.id, holder);
    expect(await errorOf(stream.id)).toBe("");
    expect(store.taken.map(({ hash }) => hash)).toEqual((await chain()).map(({ hash }) => hash));

    const [asked] = store.asked as [URLSearchParams];
    expect(Object.fromEntries(asked)).toMatchObject({ RoleArn: ROLE, RoleSessionName: "stackpass-acme", Version: "2011-06-15" });
    const keys = (await (await call("GET", "/.well-known/jwks.json")).json()) as { keys: [] };
    const { payload } = await jwtVerify(asked.get("WebIdentityToken")!, createLocalJWKSet(keys), {
      issuer: "https://stackpass.test",
      audience: store.url,
      subject: "org:acme:audit-stream:archive",
    });
    expect(payload.exp! - payload.iat!).toBe(300);

    // The next batch uses the same key.
    await addRecords(1);
    await step(stream.id, holder);
    expect(store.asked).toHaveLength(1);
    expect(await everythingStored([])).not.toContain(store.secret);
  });

  it("assumes it again shortly before the key expires, and after a failure", async () => {
    const { id } = await newStream();
    const holder: KeyHolder = {};
    await step(id, holder);
    holder.held!.key.expiresAt = Date.now() + 299_000;
    await addRecords(1);
    await step(id, holder);
    expect(store.asked).toHaveLength(2);
    await addRecords(1);
    await step(id, holder);
    expect(store.asked).toHaveLength(2);
    store.refusesKeys = true;
    await addRecords(1);
    await step(id, holder);
    expect(await errorOf(id)).toBe("The destination refused the credential (status 403). The store says ExpiredToken.");
    store.refusesKeys = false;
    await env.DB.prepare("UPDATE audit_streams SET retry_at = 0").run();
    await step(id, holder);
    expect(await errorOf(id)).toBe("");
    expect(store.asked).toHaveLength(3);
  });

  it("says what a trust policy must admit when it is refused, and does not write", async () => {
    const { id } = await newStream("Über archive");
    store.refusal = { status: 400, code: "InvalidIdentityToken" };
    await step(id);
    expect(await errorOf(id)).toBe(
      "The IAM role could not be assumed (status 400, InvalidIdentityToken). Its trust policy must admit this deployment with the subject org:acme:audit-stream:%C3%9Cber%20archive.",
    );
    expect(store.objects.size).toBe(0);
    expect(await send("POST", `${STREAMS}/${id}/test`, {})).toMatchObject({
      delivered: false,
      error: expect.stringContaining("could not be assumed"),
    });
  });

  it.each([
    "<html>sign in</html>",
    "",
    "<AccessKeyId>a</AccessKeyId>",
    "<AccessKeyId>a\n</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken><Expiration>soon</Expiration>",
  ])("takes the answer %j of a token service for no key", async (answer) => {
    const { id } = await newStream();
    store.answer = answer;
    await step(id);
    expect(await errorOf(id)).toBe("The IAM role could not be assumed. The answer does not come from a token service (STS).");
  });

  it("has no key as well, and changes to a key only with its secret", async () => {
    const json = { name: "both", destination: { ...destinations.s3(store.url), roleArn: ROLE } };
    expect(await refused(400, "POST", STREAMS, { token: world.admin, json })).toContain("either roleArn, or accessKeyId");
    const { id } = await newStream();
    const { secretAccessKey: _, ...keyOnly } = destinations.s3(store.url);
    const patch = { token: world.admin, json: { destination: keyOnly } };
    expect(await refused(400, "PATCH", `${STREAMS}/${id}`, patch)).toContain("secretAccessKey is required");
    expect(await send("PATCH", `${STREAMS}/${id}`, { destination: destinations.s3(store.url) })).toMatchObject({ hasSecret: true });
    await send("PATCH", `${STREAMS}/${id}`, { destination: byRole() });
    await step(id);
    expect(await errorOf(id)).toBe("");
    expect(await refused(400, "PATCH", `${STREAMS}/${id}`, patch)).toContain("secretAccessKey is required");
  });

  it("asks AWS only for a token that AWS accepts, wherever the bucket is", () => {
    const at = (url: string, region = "eu-central-1") =>
      tokenServiceOf({ ...byRole(), kind: "s3", url, region, accessKeyId: "", issuer: "" });
    const aws = { url: "https://sts.eu-central-1.amazonaws.com/", audience: "sts.amazonaws.com" };
    expect(at("https://s3.eu-central-1.amazonaws.com")).toEqual(aws);
    // The check also refuses a host that belongs to a customer of AWS.
    expect(at("https://ec2-1.compute.amazonaws.com")).toEqual(aws);
    expect(at("https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1").url).toBe("https://sts.cn-north-1.amazonaws.com.cn/");
    for (const url of ["https://minio.example.com", "https://amazonaws.com.example.com", "https://evilamazonaws.com"])
      expect(at(url)).toEqual({ url: `${url}/`, audience: url });
  });
});

describe("the export of the public contract", () => {
  beforeEach(() => {
    bindings.AUDIT_EXPORT_STORE = store.url;
    onTestFinished(() => void (bindings.AUDIT_EXPORT_STORE = "http://localhost:1"));
  });
  const s3 = { s3BucketName: "audit-log", s3PathPrefix: "pulumi/", iamRoleArn: ROLE };
  const configure = (newEnabled = true, more: object = {}) => send("POST", CONFIG, { newEnabled, newS3Configuration: { ...s3, ...more } });
  const row = () => env.DB.prepare("SELECT * FROM audit_streams WHERE name = 'export-config'").first<Record<string, unknown>>();

  it("is created, read, changed, switched off and on, and deleted", async () => {
    await refused(404, "GET", CONFIG, { token: world.admin });
    const events = await eventsOf(async () => {
      await configure();
      await configure();
      await configure(false, { s3BucketName: "another-log" });
      await configure(true, { s3BucketName: "another-log" });
    });
    // Events that come close together reach the log in any order. The call that changes nothing adds none.
    expect(events).toHaveLength(4);
    expect(new Set(events.map(({ event }) => event))).toEqual(
      new Set(["audit-stream-created", "audit-stream-paused", "audit-stream-updated", "audit-stream-resumed"]),
    );
    expect(await send("GET", CONFIG)).toEqual({
      enabled: true,
      s3Config: { ...s3, s3BucketName: "another-log" },
      lastResult: { message: "", timestamp: expect.any(Number) },
    });
    await send("DELETE", CONFIG);
    await refused(404, "GET", CONFIG, { token: world.admin });
    expect(await refused(400, "DELETE", CONFIG, { token: world.admin })).toContain("has not configured");
    await configure(false);
    expect(await send("GET", CONFIG)).toMatchObject({ enabled: false });
  });

  it("writes the log under its prefix, and tells its last failure", async () => {
    await addRecords(3);
    await configure();
    const { id } = (await row()) as { id: string };
    await step(id);
    expect([...store.objects.keys()]).toEqual([expect.stringMatching(/^\/audit-log\/pulumi\/acme\/2026\/.*\.jsonl\.gz$/)]);
    store.refusal = { status: 403, code: "AccessDenied" };
    await addRecords(1);
    await step(id);
    expect(await send("GET", CONFIG)).toMatchObject({ enabled: true, lastResult: { message: expect.stringContaining("AccessDenied") } });
  });

  it("is tested without being configured", async () => {
    expect(await send("POST", `${CONFIG}/test`, s3)).toEqual({ message: "", timestamp: expect.any(Number) });
    expect([...store.objects.keys()]).toEqual(["/audit-log/pulumi/.stackpass-check"]);
    store.refusal = { status: 403, code: "AccessDenied" };
    expect(await send("POST", `${CONFIG}/test`, s3)).toMatchObject({ message: expect.stringContaining("AccessDenied") });
    await refused(404, "GET", CONFIG, { token: world.admin });
  });

  it("is forced to send again from a time on, unless the bucket refuses the test", async () => {
    await refused(404, "POST", `${CONFIG}/force`, { token: world.admin });
    await addRecords(3);
    await configure();
    await written();
    const { id } = (await row()) as { id: string };
    await step(id);
    const records = await chain();
    const second = Math.ceil(Number(records[1]!["at"]) / 1000);
    const from = records.find((record) => Number(record["at"]) >= second * 1000)!.seq;
    store.refusal = { status: 403, code: "AccessDenied" };
    expect(await send("POST", `${CONFIG}/force?timestamp=${second}`)).toMatchObject({ message: expect.stringContaining("AccessDenied") });
    expect((await row())!["delivered_through"]).toBe(records.length);
    store.refusal = undefined;
    expect(await send("POST", `${CONFIG}/force?timestamp=${second}`)).toMatchObject({ message: "" });
    expect((await row())!["delivered_through"]).toBe(from - 1);
    expect(await send("POST", `${CONFIG}/force`)).toMatchObject({ message: "" });
    await refused(400, "POST", `${CONFIG}/force?timestamp=soon`, { token: world.admin });
    await configure(false);
    expect(await refused(400, "POST", `${CONFIG}/force`, { token: world.admin })).toContain("switched off");
    expect(await send("GET", CONFIG)).toMatchObject({ enabled: false });
  });

  it("asks AWS for the region of the bucket", async () => {
    bindings.AUDIT_EXPORT_STORE = "";
    const answers: Response[] = [];
    const asked: string[] = [];
    const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      asked.push(`${init?.method} ${new Request(input as Request, init as RequestInit).url}`);
      return answers.shift()!;
    });
    onTestFinished(() => spy.mockRestore());
    const say = (status: number, region?: string) =>
      answers.push(new Response(null, { status, headers: region ? { "x-amz-bucket-region": region } : {} }));
    say(301, "eu-central-1");
    await configure(false);
    say(403, "us-gov-west-1");
    await configure(false, { iamRoleArn: "arn:aws-us-gov:iam::1:role/x", s3BucketName: "with.dots" });
    expect(asked).toEqual(["HEAD https://s3.us-east-1.amazonaws.com/audit-log", "HEAD https://s3.us-gov-west-1.amazonaws.com/with.dots"]);
    expect(JSON.parse(String((await row())!["destination"]))).toMatchObject({
      url: "https://s3.us-gov-west-1.amazonaws.com",
      pathStyle: true,
    });
    say(404);
    const json = { newEnabled: true, newS3Configuration: s3 };
    expect(await refused(400, "POST", CONFIG, { token: world.admin, json })).toContain("no bucket of this name");
    say(200, "evil.example.com/");
    expect(await refused(400, "POST", CONFIG, { token: world.admin, json })).toContain("in which region");
    const minio = { ...s3, iamRoleArn: "arn:minio:iam:::role/x" };
    expect(await refused(400, "POST", `${CONFIG}/test`, { token: world.admin, json: minio })).toContain("no partition of AWS");
  });

  it("is not the stream of its name that uses a key", async () => {
    await send("POST", STREAMS, { name: "Export-Config", destination: destinations.s3(store.url) });
    for (const method of ["GET", "DELETE"] as const)
      expect(await refused(409, method, CONFIG, { token: world.admin })).toContain("uses no role");
    expect(await refused(409, "POST", CONFIG, { token: world.admin, json: { newEnabled: true, newS3Configuration: s3 } })).toContain(
      "uses no role",
    );
  });

  it.each([
    { s3BucketName: "X", iamRoleArn: ROLE },
    { s3BucketName: "audit-log", iamRoleArn: "admin" },
    { s3BucketName: "audit-log", iamRoleArn: "arn:aws:iam::1:user/x" },
    { s3BucketName: "audit-log", iamRoleArn: ROLE, s3PathPrefix: "../other" },
    { iamRoleArn: ROLE },
  ])("refuses %j", async (newS3Configuration) => {
    await refused(400, "POST", CONFIG, { token: world.admin, json: { newEnabled: true, newS3Configuration } });
    await refused(400, "POST", `${CONFIG}/test`, { token: world.admin, json: newS3Configuration });
  });
});

describe("the token service of a role", () => {
  it("is not this service itself, also if the bucket is in front of its host", () => {
    const sent = {
      kind: "s3" as const,
      url: "https://stackpass.example.com",
      region: "auto",
      bucket: "logs",
      roleArn: "arn:aws:iam::111122223333:role/audit",
    };
    const settings = (more: object) => settingsOf({} as typeof bindings, { ...sent, ...more }, "jsonl", "https://stackpass.example.com");
    expect(() => settings({})).toThrow("this service itself");
    expect(settings({ url: "https://store.example.com" }).destination.url).toBe("https://store.example.com");
  });
});
