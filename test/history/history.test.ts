import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { component, creates, rootStack } from "../support/deployment.ts";
import { type RunningUpdate, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.member);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const console = "/api/console/stacks/acme/web/dev";
const get = <T = Record<string, unknown>>(path: string) => ok<T>("GET", path, { token: world.member });
const no = (status: number, path: string) => refused(status, "GET", path, { token: world.member });

interface Entry {
  info: { kind: string; version: number; result: string };
  updateID: string;
  version: number;
  latestVersion: number;
}
interface Entries {
  itemsPerPage: number;
  total: number;
  updates: Entry[];
}

async function finish(update: RunningUpdate, status = "succeeded", events: unknown[] = []) {
  if (events.length > 0) await ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events } });
  await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status } });
  return update.id;
}
const run = async (options: Parameters<typeof startUpdate>[1] = {}, status?: string) =>
  finish(await startUpdate(world.member, options), status);
const preview = () => run({ kind: "preview", dryRun: true });

/** Inserts rows of many updates, one for each second. */
const many = (count: number) =>
  env.DB.batch([
    env.DB.prepare(
      `INSERT INTO updates (id, stack_id, kind, dry_run, status, version, message, environment, config, requested_by, token_id, token_name,
         created_at, started_at, ended_at)
       SELECT 'u' || value, (SELECT id FROM stacks), 'update', 0, 'succeeded', value, '', '{}', '{}', 'mel', 't', '', value * 1000, value * 1000, value * 1000
       FROM json_each(?)`,
    ).bind(JSON.stringify(Array.from({ length: count }, (_, i) => i + 1))),
    env.DB.prepare("UPDATE stacks SET version = ?").bind(count),
  ]);

it("shows operations with the names of members that every JavaScript object has, in the summary and on the page", async () => {
  const changes = { constructor: 1, toString: 2 };
  const events = ["constructor", "toString", "hasOwnProperty"].map((op, sequence) => ({
    sequence,
    timestamp: 1,
    resOutputsEvent: { metadata: { op, urn: `urn:pulumi:dev::web::a:b:C::${op}` } },
  }));
  await finish(await startUpdate(world.member), "succeeded", [
    ...events,
    { sequence: 9, timestamp: 1, summaryEvent: { resourceChanges: changes } },
  ]);
  const { summary } = await get<{ summary: string }>(`${console}/updates/latest/summary`);
  expect(summary).toMatch(/\* +a:b:C +constructor +constructor\n/);
  expect(summary).toContain("* 1 constructor");
  expect(await shown((await signIn(world.member)).get("/acme/web/dev"))).not.toContain("native code");
});

it("draws resources whose parents form a very long chain or a circle", async () => {
  const urn = (i: number) => `urn:pulumi:dev::web::a:b:C::r${i}`;
  const step = (i: number, parent: string) => ({
    sequence: i,
    timestamp: 1,
    resOutputsEvent: { metadata: { op: "create", urn: urn(i), new: { parent } } },
  });
  const chain = Array.from({ length: 1500 }, (_, i) => step(i, i === 0 ? "" : urn(i - 1)));
  await finish(await startUpdate(world.member), "succeeded", [...chain, step(1500, urn(1501)), step(1501, urn(1500))]);
  const { summary } = await get<{ summary: string }>(`${console}/updates/latest/summary`);
  expect(summary.match(/created/g)).toHaveLength(1502);
  expect(summary.length).toBeLessThan(2_000_000);
});

describe("the history", () => {
  it("is newest first, page by page or whole, for clients old and new", async () => {
    await many(230);
    const versions = async (query: string) => {
      const { updates } = await get<{ updates: { version: number }[] }>(`${STACK_PATH}/updates${query}`);
      return updates.map((update) => update.version);
    };
    const all = Array.from({ length: 230 }, (_, i) => 230 - i);
    expect(await versions("")).toEqual(all);
    expect(await versions("?page=0")).toEqual(all);
    expect(await versions("?page=0&pageSize=10")).toEqual(all);
    expect(await versions("?pageSize=10&page=1")).toEqual(all.slice(0, 10));
    expect(await versions("?pageSize=120&page=2")).toEqual(all.slice(120));
    expect(await versions("?pageSize=50&page=5")).toEqual(all.slice(200));
    expect(await versions("?pageSize=50&page=6")).toEqual([]);
    expect(await versions("?page=3")).toEqual(all.slice(20, 30));
    for (const beyond of ["10000000", "1000001", "9223372036854775807", "99999999999999999999999"]) {
      expect(await versions(`?page=${beyond}`)).toEqual([]);
      expect(await versions(`?page=${beyond}&pageSize=${beyond}`)).toEqual([]);
      expect(await versions(`?page=1&pageSize=${beyond}`)).toEqual(all);
      expect(await get(`${STACK_PATH}/activity?page=${beyond}&pageSize=2`)).toMatchObject({ activity: [], itemsPerPage: 2 });
    }
    expect(await versions("?pageSize=7")).toEqual(all.slice(0, 7));
    const paged = await get<Entries>(`${STACK_PATH}/updates?output-type=service&pageSize=3&page=2`);
    expect(paged).toMatchObject({ itemsPerPage: 3, total: 230, updates: [{ updateID: "u227", version: 227, latestVersion: 230 }, {}, {}] });
    for (const query of [
      "page=-1",
      "page=x",
      "page=1.5",
      "pageSize=-1",
      "pageSize=x&page=1",
      "pageSize=0&page=1",
      "page=1e400",
      "page=NaN",
    ])
      expect(await no(400, `${STACK_PATH}/updates?${query}`), query).toMatch(/^Invalid 'page(Size)?' value\./);
  });

  it("shows one update by its version, and the latest one, in full and in short", async () => {
    await no(404, `${STACK_PATH}/updates/latest`);
    await no(404, `${STACK_PATH}/updates/1`);
    const first = await run();
    const { tokenValue, id } = await newOrgToken(world, "ci");
    const second = await finish(await startUpdate(tokenValue), "failed");
    const entry = await get<Entry>(`${STACK_PATH}/updates/1`);
    expect(entry).toMatchObject({
      info: { kind: "update", version: 1, result: "succeeded" },
      updateID: first,
      version: 1,
      latestVersion: 2,
    });
    expect(await get(`${STACK_PATH}/updates/2`)).toEqual(await get(`${STACK_PATH}/updates/latest`));
    expect(await get(`${STACK_PATH}/updates/2`)).toMatchObject({
      updateID: second,
      requestedBy: { githubLogin: "acme" },
      requestedByToken: "ci",
    });
    expect(JSON.stringify(await get(`${STACK_PATH}/updates/2`))).not.toContain(id);
    expect(await get(`${STACK_PATH}/updates/2/summary`)).toMatchObject({ result: "failed", resourceCount: 0 });
    for (const version of ["0", "3", "999999999"]) await no(404, `${STACK_PATH}/updates/${version}`);
    for (const version of ["-1", "1.0", "one", "1e2", "9999999999", "%00"]) await no(400, `${STACK_PATH}/updates/${version}/summary`);
  });

  it("names the person, or the organization whose token it was, in every list", async () => {
    await env.DB.prepare("UPDATE users SET name = 'Mel Müller' WHERE login = 'mel'").run();
    const { tokenValue } = await newOrgToken(world, "ci");
    await finish(await startUpdate(tokenValue));
    const looked = await finish(await startUpdate(world.member, { kind: "preview", dryRun: true }));
    await run();
    const mel = { githubLogin: "mel", name: "Mel Müller", avatarUrl: "" };
    const acme = { githubLogin: "acme", name: "acme", avatarUrl: "" };
    const people = (list: { requestedBy: object }[]) => list.map((entry) => entry.requestedBy);
    expect(await get(`${STACK_PATH}/updates/latest`)).toMatchObject({ requestedBy: mel });
    expect(await get(`${STACK_PATH}/previews/${looked}`)).toMatchObject({ requestedBy: mel });
    const { updates } = await get<{ updates: { requestedBy: object }[] }>(`${STACK_PATH}/updates?output-type=service`);
    expect(people(updates).slice(0, 2)).toEqual([mel, acme]);
    const timeline = await get<{ update: { requestedBy: object }; previews: { requestedBy: object }[] }>(
      `${STACK_PATH}/updates/latest/timeline`,
    );
    expect([timeline.update.requestedBy, ...people(timeline.previews)]).toEqual([mel, mel]);
    const { activity } = await get<{ activity: { update: { requestedBy: object } }[] }>(`${STACK_PATH}/activity`);
    expect(people(activity.map(({ update }) => update)).slice(0, 3)).toEqual([mel, mel, acme]);
    // A person whose account does not exist any more keeps the login in the history.
    await env.DB.prepare("UPDATE updates SET requested_by = 'gone' WHERE token_name = ''").run();
    expect(await get(`${STACK_PATH}/updates/latest`)).toMatchObject({ requestedBy: { githubLogin: "gone", name: "gone" } });
  });

  it("shows nothing of another stack", async () => {
    const id = await preview();
    await newStack(world.member, "web", "other");
    const O = "/api/stacks/acme/web/other";
    expect(await get(`${O}/updates`)).toEqual({ updates: [] });
    expect(await get(`${O}/activity`)).toEqual({ itemsPerPage: 0, total: 0, activity: [] });
    await no(404, `${O}/previews/${id}`);
    await no(404, `/api/console/stacks/acme/web/other/updates/${id}/summary`);
    await no(404, "/api/stacks/acme/web/nothing/activity");
    await no(404, "/api/stacks/acme/web/nothing/updates/latest/timeline");
  });
});

describe("previews", () => {
  it("belong to the version that they started from, newest first or last", async () => {
    const at0 = await preview();
    await run();
    const at1 = [await run({ dryRun: true }), await run({ kind: "destroy", dryRun: true })];
    await env.DB.prepare("UPDATE updates SET started_at = started_at + 1000 WHERE id = ?").bind(at1[1]).run();
    const ids = async (path: string) => (await get<Entries>(path)).updates.map((update) => update.updateID);
    expect(await ids(`${STACK_PATH}/updates/0/previews`)).toEqual([at0]);
    expect(await ids(`${STACK_PATH}/updates/1/previews`)).toEqual(at1.toReversed());
    expect(await ids(`${STACK_PATH}/updates/latest/previews?asc=true`)).toEqual(at1);
    expect(await get(`${STACK_PATH}/updates/latest/previews?asc=false&pageSize=1&page=1`)).toMatchObject({
      itemsPerPage: 1,
      total: 2,
      updates: [{ updateID: at1[1], info: { kind: "Pdestroy" } }],
    });
    expect(await ids(`${STACK_PATH}/updates/2/previews`)).toEqual([]);
    expect(await get(`${STACK_PATH}/previews/${at1[0]}`)).toMatchObject({
      updateID: at1[0],
      info: { kind: "Pupdate", result: "succeeded", version: 1 },
    });
    expect(await get(`${STACK_PATH}/previews/${at0}/summary`)).toMatchObject({ result: "succeeded", resourceCount: 0 });
    expect(await get(`${STACK_PATH}/updates/1/timeline`)).toMatchObject({
      update: { version: 1 },
      collatedUpdateEvents: [],
      previews: [{ updateID: at0 }],
    });
    expect(await get(`${STACK_PATH}/updates/latest/timeline`)).toEqual(await get(`${STACK_PATH}/updates/1/timeline`));
    expect(await no(400, `${STACK_PATH}/updates/1/previews?page=0&pageSize=1`)).toBe(
      "Invalid 'pageSize' value. Must be 0 or unset when 'page' is 0.",
    );
  });

  it("are not found as updates, nor updates as previews", async () => {
    const real = await run();
    await no(404, `${STACK_PATH}/previews/${real}`);
    await no(404, `${STACK_PATH}/previews/nobody/summary`);
    expect((await get<{ updates: unknown[] }>(`${STACK_PATH}/updates`)).updates).toHaveLength(1);
  });
});

describe("activity", () => {
  it("lists all that was started, newest first, with what runs now", async () => {
    const done = [await preview(), await run(), await run({ kind: "refresh" }, "failed")];
    const { id } = await startUpdate(world.member);
    await ok("POST", `${STACK_PATH}/update`, { token: world.member, json: {} });
    for (const [i, update] of [...done, id].entries())
      await env.DB.prepare("UPDATE updates SET started_at = ? WHERE id = ?")
        .bind(1000 * i, update)
        .run();
    const { activity, ...page } = await get<{ activity: { update: Entry }[] }>(`${STACK_PATH}/activity?page=1&pageSize=10`);
    expect(page).toEqual({ itemsPerPage: 10, total: 4 });
    expect(activity.map(({ update }) => [update.updateID, update.info.kind, update.info.result])).toEqual([
      [id, "update", "in-progress"],
      [done[2], "refresh", "failed"],
      [done[1], "update", "succeeded"],
      [done[0], "preview", "succeeded"],
    ]);
  });
});

describe("the summary of an update", () => {
  const event = (sequence: number, op: string, urn: string, parent = "", failed = false) => ({
    sequence,
    timestamp: 1,
    [failed ? "resOpFailedEvent" : "resOutputsEvent"]: { metadata: { op, urn, old: null, new: { parent } } },
  });
  const urn = (name: string) => component(name).urn;

  it("has a tree of what was touched, the counts and the outcome", async () => {
    const update = await startUpdate(world.member);
    await ok("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: creates(rootStack, component("a")) } });
    await finish(update, "succeeded", [
      event(0, "same", rootStack.urn),
      event(1, "create", urn("a"), rootStack.urn),
      event(2, "same", urn("b"), rootStack.urn),
      event(3, "update", urn("c"), urn("a")),
      event(4, "delete", urn("d"), rootStack.urn, true),
      event(5, "create", "", ""),
      { sequence: 6, timestamp: 1, resOutputsEvent: { metadata: null } },
      { sequence: 7, timestamp: 1, summaryEvent: { resourceChanges: { create: 1, same: 2, update: 1 } } },
    ]);
    await env.DB.prepare("UPDATE updates SET started_at = 1000, ended_at = 5000").run();
    const summary = [
      "    Type                  Name     Status",
      "    pulumi:pulumi:Stack   web-dev",
      " +  ├─ my:index:Thing     a        created",
      " ~  │  └─ my:index:Thing  c        updated",
      " -  └─ my:index:Thing     d        **deleting failed**",
      "",
      "Resources:",
      "    + 1 created",
      "    2 unchanged",
      "    ~ 1 updated",
      "    1 errored",
      "",
      "Update succeeded",
      "",
      "Duration: 4s",
      "",
    ].join("\n");
    expect(await get(`${console}/updates/latest/summary`)).toEqual({ summary });
    expect(await get(`${console}/updates/${update.id}/summary`)).toEqual({ summary });
  });

  it("says what a preview would do, and of an update that said nothing how it ended", async () => {
    await no(404, `${console}/updates/latest/summary`);
    const id = await finish(await startUpdate(world.member, { dryRun: true }), "failed", [
      { sequence: 0, timestamp: 1, summaryEvent: { resourceChanges: { create: 2 } } },
    ]);
    expect(await get(`${console}/updates/${id}/summary`)).toEqual({
      summary: expect.stringMatching(/^Resources:\n {4}\+ 2 to create\n\nPreview failed\n\nDuration: \ds\n$/) as string,
    });
    await startUpdate(world.member);
    expect(await get(`${console}/updates/latest/summary`)).toEqual({ summary: "Update in progress\n" });
  });
});

it("the status of an update is found under each kind's path", async () => {
  const update = await startUpdate(world.member, { kind: "destroy" });
  const status = async (kind: string) => (await get<{ status: string }>(`${STACK_PATH}/${kind}/${update.id}`)).status;
  for (const kind of ["update", "preview", "refresh", "destroy"]) expect(await status(kind)).toBe("running");
  await finish(update, "failed");
  for (const kind of ["update", "preview", "refresh", "destroy"]) expect(await status(kind)).toBe("failed");
});
