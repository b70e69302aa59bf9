import { beforeEach, describe, expect, it } from "vitest";
import { call, ok } from "../support/client.ts";
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

const S = "/api/stacks/acme/web/dev";
const busy = "Conflict: Another update is currently in progress.";
const create = async () => (await ok<{ updateID: string }>("POST", `${S}/update`, { token, json: {} })).updateID;
const importState = () => call("POST", `${S}/import`, { token, json: deploymentOf([component("a")]) });
const remove = () => call("DELETE", `${S}?force=true`, { token });
const version = async () => (await ok<{ version: number }>("GET", S, { token })).version;

interface Start {
  id: string;
  status: number;
  answer: { token: string; version: number; message: string };
}

async function start(id: string): Promise<Start> {
  const response = await call("POST", `${S}/update/${id}`, { token, json: { journalVersion: 1 } });
  return { id, status: response.status, answer: await response.json() };
}

/** Expects one winner at most, and that everyone else hears why. Ends the winner's update. */
async function settle(starts: Start[]): Promise<Start | undefined> {
  const won = starts.filter(({ status }) => status === 200);
  expect(won.length).toBeLessThanOrEqual(1);
  for (const { status, answer } of starts) if (status === 409) expect(answer.message).toBe(busy);
  for (const { id, answer } of won) await ok("POST", `${S}/update/${id}/complete`, { lease: answer.token, json: { status: "succeeded" } });
  return won[0];
}

/** Rounds of each kind: with the others more than 200 races. */
const ROUNDS = 45;

describe("of those who want a stack at the same moment", { timeout: 240_000 }, () => {
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
      await ok("POST", `${S}/update/${won!.id}/complete`, { lease: won!.answer.token, json: { status: "succeeded" } });
      expect(await version()).toBe(round);
    }
    await expectSound();
  });

  it("an import comes wholly before a start, or not at all", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const before = await version();
      const id = await create();
      // Whoever is sent first has no right to be first.
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
      const id = await create();
      const [started, removed] = await Promise.all([start(id), remove()]);
      expect([
        [200, 409],
        [404, 204],
      ]).toContainEqual([started.status, removed.status]);
      await settle([started]);
      if (removed.status === 204) await newStack(token);
    }
    await expectSound();
  });

  it("two imports are two versions, two deletions are one", async () => {
    for (let round = 1; round <= ROUNDS / 3; round++) {
      const imports = await Promise.all([importState(), importState()]);
      expect(imports.map(({ status }) => status)).toEqual([200, 200]);
      expect(await version()).toBe(2);
      const removals = await Promise.all([remove(), remove()]);
      expect(removals.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 404]);
      await newStack(token);
    }
    await expectSound();
  });
});
