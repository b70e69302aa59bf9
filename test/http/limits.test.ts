import { beforeEach, describe, expect, it } from "vitest";
import { inflated, limited } from "../../src/http/body.ts";
import { limitsOf } from "../../src/limits.ts";
import { ok, refused } from "../support/client.ts";
import { component, creates, deploymentOf } from "../support/deployment.ts";
import { setLimit as limit } from "../support/limit.ts";
import { changesNothing } from "../support/stored.ts";
import { gzip, newStack, newWorld, startUpdate } from "../support/world.ts";

let token: string;
beforeEach(async () => {
  const world = await newWorld();
  token = world.member;
});

const STACK_PATH = "/api/stacks/acme/web/dev";

const state = (bytes: number) => deploymentOf([component("a", { text: "x".repeat(bytes) })]);
const MiB = 1024 * 1024;

it("has a default where a variable is missing or empty", () => {
  const { json } = limitsOf({} as never);
  expect(limitsOf({ MAX_JSON_BYTES: "" } as never).json).toBe(json);
  expect(limitsOf({ MAX_JSON_BYTES: "77" } as never).json).toBe(77);
});

describe("more than the limit is 413 with the number, plain and gzipped:", () => {
  const refusedBoth = async (bytes: number, method: string, path: string, auth: { token: string } | { lease: string }, json: unknown) => {
    const text = JSON.stringify(json);
    const expected = new RegExp(`^Request Entity Too Large: .* ${bytes} bytes$`);
    expect(await refused(413, method, path, { ...auth, body: text })).toMatch(expected);
    const headers = { "Content-Encoding": "gzip" };
    expect(await refused(413, method, path, { ...auth, body: await gzip(text), headers })).toMatch(expected);
  };

  it("a JSON call", async () => {
    await newStack(token);
    limit("json", 2000);
    await refusedBoth(2000, "PATCH", `${STACK_PATH}/tags`, { token }, { long: "x".repeat(3000) });
  });

  it("a new stack with its first state", async () => {
    await newStack(token);
    limit("stack", 2000);
    await refusedBoth(2000, "POST", "/api/stacks/acme/web", { token }, { stackName: "x", tags: { long: "x".repeat(3000) } });
  });

  it("an import", async () => {
    await newStack(token);
    limit("import", 2000);
    await changesNothing(() => refusedBoth(2000, "POST", `${STACK_PATH}/import`, { token }, state(3000)));
    await ok("POST", `${STACK_PATH}/import`, { token, json: state(1000) });
  });

  it("a resource of an import or a checkpoint", async () => {
    await newStack(token);
    limit("resource", 2000);
    await changesNothing(() => refusedBoth(2000, "POST", `${STACK_PATH}/import`, { token }, state(3000)));
    const { path, lease } = await startUpdate(token, { journaling: false });
    await refusedBoth(2000, "PATCH", `${path}/checkpoint`, { lease }, { isInvalid: false, ...state(3000) });
  });

  it("a resource of a first state", async () => {
    limit("resource", 2000);
    const first = (bytes: number) => ({ stackName: "dev", state: state(bytes) });
    await changesNothing(() => refusedBoth(2000, "POST", "/api/stacks/acme/web", { token }, first(3000)));
    await ok("POST", "/api/stacks/acme/web", { token, json: first(1000) });
  });

  it("a checkpoint", async () => {
    await newStack(token);
    limit("checkpoint", 2000);
    const { path, lease } = await startUpdate(token, { journaling: false });
    await refusedBoth(2000, "PATCH", `${path}/checkpoint`, { lease }, { isInvalid: false, ...state(3000) });
  });

  it("a batch of journal entries or of events", async () => {
    await newStack(token);
    limit("batch", 2000);
    const { path, lease } = await startUpdate(token);
    const entries = creates(component("a", { text: "x".repeat(3000) }));
    await refusedBoth(2000, "PATCH", `${path}/journalentries`, { lease }, { entries });
    const events = [{ sequence: 0, timestamp: 1, stdoutEvent: { message: "x".repeat(3000), color: "" } }];
    await refusedBoth(2000, "POST", `${path}/events/batch`, { lease }, { events });
  });
});

describe("a small body that inflates to a large one", () => {
  const bomb = () => gzip(" ".repeat(64 * MiB));

  it.each(["import", "checkpoint"] as const)("is refused: %s", async (name) => {
    await newStack(token);
    limit(name, 4 * MiB);
    const options = { body: await bomb(), headers: { "Content-Encoding": "gzip" } };
    if (name === "import") return void (await refused(413, "POST", `${STACK_PATH}/import`, { token, ...options }));
    const { path, lease } = await startUpdate(token, { journaling: false });
    await refused(413, "PATCH", `${path}/checkpoint`, { lease, ...options });
  });

  it("is not inflated beyond the limit, nor read on", async () => {
    const bytes = await bomb();
    let taken = 0;
    // The members never end, so only the refusal ends the body.
    async function* endless() {
      for (let at = 0; ; at = at + 1024 < bytes.length ? at + 1024 : 0) {
        const slice = bytes.subarray(at, at + 1024);
        taken += slice.length;
        yield slice;
      }
    }
    let seen = 0;
    const reading = async () => {
      for await (const chunk of limited(inflated(endless()), 4 * MiB)) seen += chunk.length;
    };
    await expect(reading()).rejects.toMatchObject({ status: 413 });
    expect(seen).toBeLessThanOrEqual(4 * MiB);
    expect(taken).toBeLessThan(MiB);
  });
});
