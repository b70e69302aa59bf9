import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Bindings } from "../../src/env.ts";
import { sweep } from "../../src/sweeps/sweep.ts";
import { SAFE_AGE } from "../../src/sweeps/objects.ts";
import { signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { expectSound, orphans } from "../support/dangling.ts";
import { deploymentOf } from "../support/deployment.ts";
import { breakObjectReads, breakObjectWrites } from "../support/faults.ts";
import { setLimit } from "../support/limit.ts";
import { changesNothing, objectKeys } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const MiB = 1024 * 1024;

type Config = Record<string, { string: string; secret: boolean; object: boolean }>;
const plain = (string: string): Config => ({ "web:text": { string, secret: false, object: false } });

interface Entry {
  info: { config: Config; message: string; environment: Record<string, string> };
}

const create = (json: unknown, kind = "update") => ok<{ updateID: string }>("POST", `${STACK_PATH}/${kind}`, { token, json });

/** Runs an update to its end. */
async function run(json: unknown, kind = "update"): Promise<string> {
  const { updateID } = await create(json, kind);
  const path = `${STACK_PATH}/${kind}/${updateID}`;
  const { token: lease } = await ok<{ token: string }>("POST", path, { token, json: {} });
  await ok("POST", `${path}/complete`, { lease, json: { status: "succeeded" } });
  return updateID;
}
const latest = async (stack = STACK_PATH) => (await ok<{ info: Entry["info"] }>("GET", `${stack}/updates/latest`, { token })).info;

/** Bytes of the row of an update. */
const rowBytes = (id: string) =>
  env.DB.prepare(
    "SELECT length(CAST(config AS BLOB)) + length(CAST(environment AS BLOB)) + length(CAST(message AS BLOB)) AS bytes FROM updates WHERE id = ?",
  )
    .bind(id)
    .first<number>("bytes");

describe("a configuration is kept with its update and read again", () => {
  it.each<[string, Config]>([
    ["of 1,000 KB", plain("x".repeat(1_000_000))],
    ["of 1.5 MB", plain("x".repeat(1_500_000))],
    ["of 700,000 characters that have three bytes each", plain("設".repeat(700_000))],
    ["of 1,000,000 characters that have two bytes each, in 1,000 values", many("é".repeat(1000))],
    ["of characters that have four bytes, quotes and control characters", plain('𝒳"\\\u0001\u2028'.repeat(100_000))],
    ["with a secret of 3,145,710 bytes", { "web:secret": { string: "A".repeat(4_194_280), secret: true, object: false } }],
    ["that is in the row, by a byte", plain("x".repeat(64 * 1024 - 58))],
    ["that is not in the row, by a byte", plain("x".repeat(64 * 1024 - 57))],
  ])("%s", async (_, config) => {
    const id = await run({ config });
    expect((await latest()).config).toEqual(config);
    const { updates } = await ok<{ updates: Entry["info"][] }>("GET", `${STACK_PATH}/updates`, { token });
    expect(updates[0]!.config).toEqual(config);
    expect(await rowBytes(id)).toBeLessThan(70_000);
    await expectSound();
  });

  it("at the limit, and no longer one is taken", async () => {
    for (const limit of [8 * MiB, 3_000_000]) {
      setLimit("config", limit);
      const around = JSON.stringify({ config: plain("") }).length;
      const config = plain("設".repeat(100) + "x".repeat(limit - around - 300));
      await run({ config });
      expect((await latest()).config).toEqual(config);
      const json = { config: plain(`${config["web:text"]!.string}x`) };
      expect(await refused(413, "POST", `${STACK_PATH}/update`, { token, json })).toBe(
        `Request Entity Too Large: the body is larger than ${limit} bytes`,
      );
    }
  });

  it("in every list and on every page that shows it", async () => {
    const text = "設".repeat(300_000);
    await run({ config: plain(text) });
    const previewed = await run({ config: plain(`${text}!`), options: { dryRun: true } }, "preview");
    await run({ config: plain(`${text}?`) });
    const get = <T>(path: string) => ok<T>("GET", path, { token });
    const configs = (entries: { info: Entry["info"] }[]) => entries.map(({ info }) => info.config["web:text"]!.string.slice(text.length));

    expect(configs((await get<{ updates: Entry[] }>(`${STACK_PATH}/updates?output-type=service&page=1`)).updates)).toEqual(["?", ""]);
    expect(configs((await get<{ updates: Entry[] }>(`${STACK_PATH}/updates/1/previews`)).updates)).toEqual(["!"]);
    const { activity } = await get<{ activity: { update: Entry }[] }>(`${STACK_PATH}/activity`);
    expect(configs(activity.map(({ update }) => update))).toEqual(["?", "!", ""]);
    const timeline = await get<{ update: Entry; previews: Entry[] }>(`${STACK_PATH}/updates/2/timeline`);
    expect(configs([timeline.update, ...timeline.previews])).toEqual(["?", "!"]);
    expect(configs([await get<Entry>(`${STACK_PATH}/previews/${previewed}`)])).toEqual(["!"]);
    const visitor = await signIn(token);
    for (const page of ["updates/2", `previews/${previewed}`, "settings/options"])
      expect(await (await visitor.get(`/acme/web/dev/${page}`)).text()).toContain("web:text");
  });

  it("in a history whose configurations are larger together than an isolate's memory", async () => {
    const config = plain("x".repeat(3_000_000));
    for (let i = 0; i < 50; i++) await create({ config });
    await env.DB.prepare("UPDATE updates SET status = 'succeeded', version = rowid, started_at = rowid, ended_at = rowid").run();
    const response = await call("GET", `${STACK_PATH}/updates?page=0`, { token });
    expect((await response.text()).length).toBeGreaterThan(150_000_000);
  }, 120_000);

  it("when the stack was renamed or its state imported since", async () => {
    const config = plain("x".repeat(200_000));
    await run({ config });
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([]) });
    expect((await latest()).config).toEqual(config);
    await ok("POST", `${STACK_PATH}/rename`, { token, json: { newName: "renamed" } });
    expect((await latest("/api/stacks/acme/web/renamed")).config).toEqual(config);
    await expectSound();
  });
});

describe("an environment and a message", () => {
  const MOST = 256 * 1024;
  const message = `Request Entity Too Large: the update's environment together with its message is larger than ${MOST} bytes`;

  it.each(["x", "設", "𝒳"])("are kept up to their limit in bytes, of %s", async (letter) => {
    const bytes = new TextEncoder().encode(letter).length;
    const room = MOST - '{"git.head":""}'.length;
    const half = Math.floor(room / 2 / bytes);
    const metadata = {
      message: letter.repeat(half),
      environment: { "git.head": letter.repeat(half) + "x".repeat(room - 2 * half * bytes) },
    };
    const id = await run({ metadata });
    expect(await latest()).toMatchObject(metadata);
    expect(await rowBytes(id)).toBe(MOST + 2);
    const longer = { ...metadata, message: `${metadata.message}x` };
    await changesNothing(async () =>
      expect(await refused(413, "POST", `${STACK_PATH}/update`, { token, json: { metadata: longer } })).toBe(message),
    );
  });
});

describe("an object with a configuration", () => {
  const json = { config: plain("x".repeat(100_000)) };

  it("is not left behind by an update that was refused", async () => {
    const ci = await newOrgToken(world, "ci");
    await ok("GET", "/api/user", { token: ci.tokenValue });
    await call("DELETE", `/api/orgs/acme/tokens/${ci.id}`, { token: world.admin });
    await changesNothing(async () => {
      await refused(401, "POST", `${STACK_PATH}/update`, { token: ci.tokenValue, json });
      await refused(404, "POST", "/api/stacks/acme/web/none/update", { token, json });
      await expect.poll(orphans).toEqual([]);
    });
  });

  it("is swept when its update was never started, and at no other time", async () => {
    const kept = await run(json);
    await create(json);
    expect(await objectKeys()).toHaveLength(2);
    await sweep(env as Bindings, Date.now() + 25 * 3600_000);
    await sweep(env as Bindings, Date.now() + SAFE_AGE + 3600_000);
    expect(await objectKeys()).toEqual([`configs/${kept}.json`]);
    expect((await latest()).config).toEqual(json.config);
  });

  it("that cannot be written or read is a 503, and no update", async () => {
    const mendWrites = breakObjectWrites();
    await changesNothing(() => refused(503, "POST", `${STACK_PATH}/update`, { token, json }));
    mendWrites();
    await run(json);
    const mendReads = breakObjectReads();
    await refused(503, "GET", `${STACK_PATH}/updates/latest`, { token });
    mendReads();
    expect((await latest()).config).toEqual(json.config);
  });
});

function many(string: string): Config {
  return Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`web:v${i}`, { string, secret: i % 2 === 0, object: false }]));
}
