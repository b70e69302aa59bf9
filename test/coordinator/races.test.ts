import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { StackCoordinator } from "../../src/coordinator/coordinator.ts";
import { call, ok, refused } from "../support/client.ts";
import { expectSound } from "../support/dangling.ts";
import { component, deploymentOf } from "../support/deployment.ts";
import { type World, newStack, newWorld } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const busy = "Conflict: Another update is currently in progress.";
const create = async () => (await ok<{ updateID: string }>("POST", `${STACK_PATH}/update`, { token, json: {} })).updateID;
const importState = () => call("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([component("a")]) });
const remove = () => call("DELETE", STACK_PATH, { token });
const removeByForce = () => call("DELETE", `${STACK_PATH}?force=true`, { token });
const version = async () => (await ok<{ version: number }>("GET", STACK_PATH, { token })).version;

interface Start {
  id: string;
  status: number;
  answer: { token: string; version: number; message: string };
}

async function start(id: string): Promise<Start> {
  const response = await call("POST", `${STACK_PATH}/update/${id}`, { token, json: { journalVersion: 1 } });
  return { id, status: response.status, answer: await response.json() };
}

/** Expects at most one winner, and that every other caller gets the reason. Ends the winner's update. */
async function settle(starts: Start[]): Promise<Start | undefined> {
  const won = starts.filter(({ status }) => status === 200);
  expect(won.length).toBeLessThanOrEqual(1);
  for (const { status, answer } of starts) if (status === 409) expect(answer.message).toBe(busy);
  for (const { id, answer } of won)
    await ok("POST", `${STACK_PATH}/update/${id}/complete`, { lease: answer.token, json: { status: "succeeded" } });
  return won[0];
}

/** Sends a start, and a deletion at once or that many milliseconds later. A request that is sent at once can arrive first. */
async function raceForStack(deletion: () => Promise<Response>, later = 0): Promise<[Start, Response]> {
  const id = await create();
  const started = start(id);
  if (later > 0) await new Promise((done) => setTimeout(done, later));
  return Promise.all([started, deletion()]);
}

/** Expects that the update of a stack that was deleted by force has ended, and that nothing is accepted under its lease. */
async function expectCanceled({ id, answer: { token: lease } }: Start): Promise<void> {
  const row = await env.DB.prepare("SELECT status FROM updates WHERE id = ?").bind(id).first("status");
  expect(row).toBe("cancelled");
  await refused(409, "POST", `${STACK_PATH}/update/${id}/complete`, { lease, json: { status: "succeeded" } });
}

/** Holds a start and a deletion back until both have reached the stack's object, and then lets them through in this order. */
function letInTogether(order: readonly ["start" | "remove", "start" | "remove"]): void {
  const held = new Map<string, () => void>();
  const hold = <T>(name: "start" | "remove", go: () => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      held.set(name, () => void go().then(resolve, reject));
      if (held.size < 2) return;
      restore();
      for (const each of order) held.get(each)!();
    });
  const spies = [
    vi.spyOn(StackCoordinator.prototype, "start").mockImplementation(function (this: StackCoordinator, input) {
      return hold("start", () => this.start(input));
    }),
    vi.spyOn(StackCoordinator.prototype, "remove").mockImplementation(function (this: StackCoordinator, input) {
      return hold("remove", () => this.remove(input));
    }),
  ];
  const restore = () => spies.forEach((spy) => spy.mockRestore());
  onTestFinished(restore);
}

/** Number of rounds of each kind; with the other tests this makes more than 200 races. */
const ROUNDS = 45;

describe("of requests for a stack at the same moment", { timeout: 240_000 }, () => {
  it("one of two starts wins, every time", async () => {
    for (let round = 1; round <= ROUNDS * 2; round++) {
      const ids = [await create(), await create()];
      const starts = await Promise.all(ids.map(start));
      const winner = await settle(starts);
      expect(winner?.answer.version).toBe(round);
      expect(starts.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    }
    await expectSound();
  });

  it("one of five wins, and the same start sent twice is one", async () => {
    for (let round = 1; round <= ROUNDS / 3; round++) {
      const id = await create();
      const ids = [id, await create(), await create(), await create()];
      const starts = await Promise.all([...ids, id].map(start));
      expect(starts.filter(({ status }) => status === 200)).toHaveLength(1);
      const [won] = starts.filter(({ status }) => status === 200);
      await ok("POST", `${STACK_PATH}/update/${won!.id}/complete`, { lease: won!.answer.token, json: { status: "succeeded" } });
      expect(await version()).toBe(round);
    }
    await expectSound();
  });

  it("an import comes wholly before a start, or not at all", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const before = await version();
      const id = await create();
      // The request that is sent first need not win.
      const first = round % 2 === 0 ? importState() : undefined;
      const [started, imported] = await Promise.all([start(id), first ?? importState()]);
      const winner = await settle([started]);
      expect(winner).toBeDefined();
      expect([200, 409]).toContain(imported.status);
      expect(winner!.answer.version).toBe(before + (imported.status === 200 ? 2 : 1));
      expect(await version()).toBe(winner!.answer.version);
    }
    await expectSound();
  });

  it("a deletion comes wholly before a start, or not at all", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const [started, removed] = await raceForStack(remove, round % 3);
      expect([
        [200, 409],
        [404, 204],
      ]).toContainEqual([started.status, removed.status]);
      await settle([started]);
      if (removed.status === 204) await newStack(token);
    }
    await expectSound();
  });

  it("a deletion by force comes wholly before a start, or cancels the update", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const [started, removed] = await raceForStack(removeByForce, round % 3);
      expect([200, 404]).toContain(started.status);
      expect(removed.status).toBe(204);
      if (started.status === 200) await expectCanceled(started);
      await newStack(token);
    }
    await expectSound();
  });

  it.each([
    ["a deletion after a start is refused", ["start", "remove"], remove, [200, 409]],
    ["a deletion before a start is done", ["remove", "start"], remove, [404, 204]],
    ["a deletion by force after a start cancels the update", ["start", "remove"], removeByForce, [200, 204]],
    ["a deletion by force before a start is done", ["remove", "start"], removeByForce, [404, 204]],
  ] as const)("%s, when both are in the stack's object", async (_, order, deletion, statuses) => {
    letInTogether(order);
    const [started, removed] = await raceForStack(deletion);
    expect([started.status, removed.status]).toEqual(statuses);
    if (started.status === 200 && removed.status === 204) await expectCanceled(started);
    else await settle([started]);
    await expectSound();
  });

  it("two imports are two versions, two deletions are one", async () => {
    for (let round = 1; round <= ROUNDS / 3; round++) {
      const imports = await Promise.all([importState(), importState()]);
      expect(imports.map(({ status }) => status)).toEqual([200, 200]);
      expect(await version()).toBe(2);
      const removals = await Promise.all([removeByForce(), removeByForce()]);
      expect(removals.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 404]);
      await newStack(token);
    }
    await expectSound();
  });
});
