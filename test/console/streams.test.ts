import { beforeEach, describe, expect, it } from "vitest";
import type { Stream } from "../../src/streams/openapi.ts";
import { env } from "cloudflare:workers";
import { Receiver, STREAMS, addRecords, asleep, destinations, newStream, reachable, type Kind } from "../streams/support/receiver.ts";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newWorld } from "../support/world.ts";

let world: World;
let admin: Visitor;
let receiver: Receiver;
beforeEach(async () => {
  asleep();
  world = await newWorld();
  admin = await signIn(world.admin);
  receiver = new Receiver(9120);
  reachable(receiver);
  await addRecords(3);
});

const LIST = "/acme/~/streams";
const streams = async () => (await ok<{ streams: Stream[] }>("GET", STREAMS, { token: world.admin })).streams;
/** The fields of a form for a stream of that kind. */
const formOf = (kind: Kind): Record<string, string> => {
  const { kind: _, pathStyle, ...fields } = destinations[kind](receiver.url) as Record<string, unknown>;
  return { ...(fields as Record<string, string>), name: `to ${kind}`, begin: "first", ...(pathStyle === true && { pathStyle: "yes" }) };
};
/** Presses a button on the page of a stream. */
const press = (id: string, action: string, form: Record<string, string> = {}) => admin.post(`${LIST}/${id}/${action}`, form);

describe("an administrator", () => {
  it.each(Object.keys(destinations) as Kind[])(
    "adds a stream to %s, sees it, changes its name, and deletes it by typing it",
    async (kind) => {
      expect(await shown(admin.get(LIST))).toContain("No audit streams yet");
      await shown(admin.get(`/acme/~/new-stream/${kind}`));
      const added = await admin.post(`/acme/~/new-stream/${kind}`, formOf(kind));
      expect(added.status, await added.clone().text()).toBe(303);
      const [stream] = (await streams()) as [Stream];
      expect(stream).toMatchObject({ name: `to ${kind}`, format: "jsonl", destination: { kind, url: receiver.url } });
      expect(await shown(admin.get(LIST))).toContain(`to ${kind}`);
      const page = await shown(admin.get(`${LIST}/${stream.id}`));
      expect(page).toContain("sending");
      expect(page).toContain("the oldest of them");

      const { secretAccessKey: _, token: __, apiKey: ___, url, ...kept } = formOf(kind);
      const changed = await press(stream.id, "edit", { ...kept, ...(kind !== "https" && { url: url! }), name: "renamed", format: "jsonl" });
      expect(changed.status, await changed.clone().text()).toBe(303);
      expect(await streams()).toMatchObject([
        { id: stream.id, name: "renamed", format: "jsonl", destination: stream.destination, hasSecret: true },
      ]);

      expect(await shown(press(stream.id, "delete", { confirmation: "to" }), 400)).toContain("This is not the name.");
      expect(await streams()).toHaveLength(1);
      expect((await press(stream.id, "delete", { confirmation: " renamed " })).status).toBe(303);
      expect(await streams()).toEqual([]);
    },
  );

  it("adds a stream with a role, and sees what its trust policy must admit", async () => {
    const { accessKeyId: _, secretAccessKey: __, ...form } = formOf("s3");
    const added = await admin.post("/acme/~/new-stream/s3", { ...form, roleArn: "arn:aws:iam::111122223333:role/audit" });
    expect(added.status, await added.clone().text()).toBe(303);
    const [{ id }] = (await streams()) as [Stream];
    const page = await shown(admin.get(`${LIST}/${id}`));
    for (const text of ["https://stackpass.test", "org:acme:audit-stream:to%20s3", receiver.url]) expect(page).toContain(text);
    expect(await shown(admin.get(`${LIST}/${id}/edit`))).toContain("arn:aws:iam::111122223333:role/audit");
  });

  it("sees the secret of the signatures once, and a new one once", async () => {
    const added = await admin.post("/acme/~/new-stream/https", formOf("https"));
    const [{ id }] = (await streams()) as [Stream];
    const first = await shown(admin.with(added).get(`${LIST}/${id}/secret`));
    expect(first).toMatch(/whsec_[A-Za-z0-9+/]{43}=/);
    expect(await shown(admin.with(added).get(`${LIST}/${id}/secret`))).not.toContain("whsec_");
    const changed = await press(id, "edit", { name: "to https", newSecret: "yes" });
    const second = await shown(admin.with(changed).get(`${LIST}/${id}/secret`));
    const secretIn = (html: string) => /whsec_[A-Za-z0-9+/]{43}=/.exec(html)?.[0];
    expect(secretIn(second)).toBeDefined();
    expect(secretIn(second)).not.toBe(secretIn(first));
  });

  it("tests, pauses, resumes and starts again", async () => {
    const { id } = await newStream(world, "splunk", receiver);
    expect(await shown(press(id, "test"))).toContain("The destination accepted the test.");
    receiver.mood = async () => new Response("no", { status: 401 });
    expect(await shown(press(id, "test"))).toContain("The destination refused the credential (status 401).");
    expect((await press(id, "pause")).status).toBe(303);
    expect(await shown(admin.get(`${LIST}/${id}`))).toContain("An administrator paused it.");
    expect((await press(id, "resume")).status).toBe(303);
    expect((await streams())[0]!.paused).toBeUndefined();
    expect(await shown(press(id, "restart", { from: "4000" }), 400)).toContain("so a stream cannot begin with record 4000");
    expect(await shown(press(id, "restart", { from: "soon" }), 400)).toContain("a record must be a whole number from 1");
    expect((await press(id, "restart", { from: "2" })).status).toBe(303);
    expect((await streams())[0]!.deliveredThrough).toBe(1);
  });

  it("is warned of streams that fail or are paused, in the settings and on the first page", async () => {
    const { id } = await newStream(world, "elastic", receiver);
    for (const path of ["/acme", "/acme/~/settings"])
      expect(await shown(admin.get(path))).not.toContain("does not reach every destination");
    await env.DB.prepare("UPDATE audit_streams SET failing_since = 1, failures = 2, retry_at = 9e14, error = 'It is <b>away</b>.'").run();
    for (const path of ["/acme", "/acme/~/settings"]) expect(await shown(admin.get(path))).toContain("to elastic</a> is failing");
    const page = await shown(admin.get(`${LIST}/${id}`));
    expect(page).toContain("It is &lt;b&gt;away&lt;/b&gt;.");
    expect(page).toContain("Try again now");
    await env.DB.prepare("UPDATE audit_streams SET paused_at = 1, paused_for = 'failing'").run();
    expect(await shown(admin.get("/acme"))).toContain("to elastic</a> is paused");
    const mel = await signIn(world.member);
    for (const path of ["/acme", "/acme/~/settings"]) expect(await shown(mel.get(path))).not.toContain("to elastic");
  });
});

describe("a form with a fault", () => {
  it.each<[Kind, Record<string, string>, string]>([
    ["s3", { bucket: "No Bucket" }, "a bucket must have 3 to 63 lower-case letters"],
    ["s3", { url: "http://10.0.0.1" }, "an address must begin with https://"],
    ["s3", { secretAccessKey: "" }, "secretAccessKey is required"],
    ["https", { url: "" }, "the url of the destination is required"],
    ["splunk", { index: "<i>" }, "an index must have only lower-case letters"],
    ["datadog", { name: "" }, "a stream name must have 1 to 100 characters"],
    ["elastic", { begin: "record", from: "-1" }, "a record must be a whole number from 1"],
  ])("of %s with %j is shown again with the reason, and never with a credential", async (kind, faulty, reason) => {
    const page = await shown(admin.post(`/acme/~/new-stream/${kind}`, { ...formOf(kind), ...faulty }), 400);
    expect(page).toContain(reason);
    for (const secret of ["the-secret-of-s3", "the-token-of-splunk", "the-key-of-datadog", "the-key-of-elastic"])
      expect(page).not.toContain(secret);
    expect(await streams()).toEqual([]);
  });

  it("of a stream that exists changes nothing", async () => {
    const { id } = await newStream(world, "s3", receiver);
    await changesNothing(async () => {
      const form = { ...formOf("s3"), bucket: "X" };
      expect(await shown(press(id, "edit", form), 400)).toContain("a bucket must have");
    });
  });

  it.each(["nowhere", "s3x", "%00"])("for the kind %s does not exist", async (kind) => {
    await shown(admin.get(`/acme/~/new-stream/${kind}`), 404);
  });
});

it("shows a stranger's stream to nobody, and lets nobody but administrators change one", async () => {
  const { id } = await newStream(world, "s3", receiver);
  await shown(admin.get(`${LIST}/nowhere`), 404);
  const mel = await signIn(world.member);
  await changesNothing(async () => {
    for (const path of [LIST, `${LIST}/${id}`, `${LIST}/${id}/edit`, `${LIST}/${id}/delete`, "/acme/~/new-stream", "/acme/~/new-stream/s3"])
      await shown(mel.get(path), 403);
    for (const action of ["test", "pause", "resume", "restart", "edit", "delete"])
      await shown(mel.post(`${LIST}/${id}/${action}`, { confirmation: "to s3", from: "1", ...formOf("s3") }), 403);
    await shown(mel.post("/acme/~/new-stream/s3", formOf("s3")), 403);
  });
});
