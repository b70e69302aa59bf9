import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Bindings } from "../../../src/env.ts";
import { type Call, call, ok } from "../../support/client.ts";
import { laterBy } from "../../support/clock.ts";
import { type Exported, begins, deploymentOf, succeeds } from "../../support/deployment.ts";
import { type NewToken, type World, newOrgToken } from "../../support/world.ts";
import { type Model, type ModelUpdate, newNames, resourcesOf, statesAfter, updateAt } from "./model.ts";
import type { Moment, Step } from "./steps.ts";

export interface Game {
  world: World;
  orgId: string;
  machine: NewToken;
  model: Model;
  /** Number of tokens that the machine has had. */
  tokens: number;
}

const pathOf = ({ model }: Game) => `/api/stacks/acme/web/${model.name}`;
const updatePath = (game: Game, { id }: ModelUpdate) => `${pathOf(game)}/update/${id}`;
const tokenOf = (game: Game, token: "person" | "machine") => (token === "person" ? game.world.member : game.machine.tokenValue);
const coordinator = ({ orgId, model }: Game) => {
  const { STACKS } = env as Bindings;
  return STACKS.get(STACKS.idFromName(`${orgId}/web/${model.name}`));
};

/**
 * Sends one call. @param quiet whether nothing else is under way: then the answer must be the one that the model expects, and not only a
 * possible one.
 */
async function act(game: Game, step: Step, quiet: boolean): Promise<void> {
  const { model } = game;
  const stack = model.stack;
  const update = "at" in step ? updateAt(model, step.at) : undefined;
  const send = async (method: string, path: string, options: Call, allowed: number[], foreseen?: number) => {
    const response = await call(method, path, options);
    expect(allowed, `${method} ${path}: ${await response.clone().text()}`).toContain(response.status);
    if (quiet && foreseen !== undefined && !update?.left)
      expect(response.status, `${JSON.stringify(step)}: ${await response.clone().text()}`).toBe(foreseen);
    return response;
  };
  /** Makes a call under the update's own lease; without a lease it sends an invalid one. */
  const under = (one: ModelUpdate, method: string, rest: string, json: unknown, allowed: number[], foreseen?: number) =>
    send(method, `${updatePath(game, one)}/${rest}`, { lease: one.lease ?? "junk", json }, allowed, foreseen);
  const runs = (one: ModelUpdate) => one.lease !== undefined && !one.over && one.stack === stack;
  const holder = model.updates.find((one) => runs(one) && !one.dryRun);
  const written = [204, 400, 403, 409];

  switch (step.do) {
    case "create": {
      const json = { options: { dryRun: step.dryRun } };
      const token = tokenOf(game, step.token);
      const response = await send("POST", `${pathOf(game)}/${step.kind}`, { token, json }, [200, 404], 200);
      if (response.status !== 200) return;
      model.updates.push({
        id: (await response.json<{ updateID: string }>()).updateID,
        stack,
        dryRun: step.dryRun || step.kind === "preview",
        token: "",
        lease: undefined,
        version: undefined,
        journaling: false,
        over: false,
        left: false,
        journaled: [],
        wholes: [],
        moment: -1,
        nextEntry: 1,
        held: [],
        sent: [],
      });
      return;
    }
    case "start": {
      if (!update) return;
      const free = update.dryRun || !holder;
      // The object may still know a run of the removed stack. Then the answer is 409, and never a second start.
      const ofFormer = update.lease === undefined ? 404 : undefined;
      const foreseen = update.stack !== stack ? ofFormer : update.lease !== undefined || update.over || !free ? 409 : 200;
      const json = step.journaling ? { journalVersion: 1 } : {};
      const response = await send("POST", updatePath(game, update), { token: tokenOf(game, step.token), json }, [200, 404, 409], foreseen);
      if (response.status !== 200) return;
      expect(update.lease, "started twice").toBeUndefined();
      const answer = await response.json<{ token: string; version: number; journalVersion?: number }>();
      Object.assign(update, {
        lease: answer.token,
        version: answer.version,
        journaling: answer.journalVersion === 1,
        token: step.token === "machine" ? game.machine.id : "",
      });
      return;
    }
    case "journal": {
      if (!update) return;
      const again = step.how === "repeat" ? update.sent.at(-1) : step.how === "send what was held" ? update.held.pop() : undefined;
      if (!again && (step.how === "repeat" || step.how === "send what was held")) return;
      const entries = again ?? entriesFor(update, newNames(model, step.resources));
      if (step.how === "hold back") return void update.held.push(entries);
      const response = await under(
        update,
        "PATCH",
        "journalentries",
        { entries },
        written,
        runs(update) ? (update.dryRun ? 403 : update.journaling ? 204 : 400) : undefined,
      );
      if (response.status !== 204) return;
      update.sent.push(entries);
      for (const name of namesIn(entries)) if (!update.journaled.includes(name)) update.journaled.push(name);
      return;
    }
    case "checkpoint": {
      if (!update) return;
      const names = newNames(model, step.resources);
      const takes = runs(update) ? (update.dryRun ? 403 : update.journaling ? 400 : 204) : undefined;
      const json = { isInvalid: false, ...deploymentOf(resourcesOf(names)) };
      const response = await under(update, "PATCH", "checkpoint", json, written, takes);
      if (response.status !== 204) return;
      // Of several states that are sent at one moment, each may be the last one.
      update.wholes = update.moment === model.moment ? [...update.wholes, names] : [names];
      update.moment = model.moment;
      return;
    }
    case "events": {
      if (!update) return;
      const events = [{ sequence: update.nextEntry++, timestamp: 1, stdoutEvent: { message: "x", color: "" } }];
      await under(update, "POST", "events/batch", { events }, [200, 400, 403, 409], runs(update) ? 200 : undefined);
      return;
    }
    case "renew": {
      if (!update) return;
      const good = step.seconds >= 0 && step.seconds <= 300;
      const foreseen = good ? (runs(update) ? 200 : 403) : update.lease === undefined ? 403 : 400;
      await under(update, "POST", "renew_lease", { token: "", duration: step.seconds }, [200, 400, 403], foreseen);
      return;
    }
    case "complete": {
      if (!update) return;
      const foreseen = runs(update) ? 204 : undefined;
      const response = await under(update, "POST", "complete", { status: step.status }, [204, 403, 409], foreseen);
      if (response.status === 204) update.over = true;
      return;
    }
    case "cancel": {
      if (!update) return;
      const foreseen = runs(update) ? 204 : undefined;
      const response = await send("POST", `${updatePath(game, update)}/cancel`, { token: game.world.member }, [204, 404, 409], foreseen);
      if (response.status === 204) update.over = true;
      return;
    }
    case "import": {
      const names = newNames(model, step.resources);
      const json = deploymentOf(resourcesOf(names));
      const response = await send(
        "POST",
        `${pathOf(game)}/import`,
        { token: game.world.member, json },
        [200, 404, 409],
        holder ? 409 : 200,
      );
      if (response.status === 200) model.imports.set((await response.json<{ updateId: string }>()).updateId, names);
      return;
    }
    case "rename": {
      const newName = model.name.endsWith("-b") ? model.name.slice(0, -2) : `${model.name}-b`;
      const path = pathOf(game);
      const response = await send("POST", `${path}/rename`, { token: game.world.member, json: { newName } }, [200, 404, 409]);
      if (response.status !== 200) return;
      model.name = newName;
      leave(model);
      return;
    }
    case "remove": {
      const response = await send("DELETE", `${pathOf(game)}?force=true`, { token: game.world.member }, [204, 404, 409]);
      if (response.status !== 204) return;
      leave(model);
      Object.assign(model, { stack: stack + 1, version: 0, written: new Map() });
      await ok("POST", "/api/stacks/acme/web", { token: game.world.member, json: { stackName: model.name } });
      return;
    }
    case "wrong lease": {
      const other = model.updates.at(step.of % (model.updates.length || 1));
      if (!update || !other || other === update) return;
      const method = step.call === "journalentries" ? "PATCH" : "POST";
      const json = { entries: entriesFor(update, ["never"]), status: "succeeded", duration: 300 };
      await send(method, `${updatePath(game, update)}/${step.call}`, { lease: other.lease ?? "junk", json }, [403]);
      return;
    }
    case "delete token": {
      await ok("DELETE", `/api/orgs/acme/tokens/${game.machine.id}`, { token: game.world.admin });
      // The organization's setting aborts the updates of a deleted token.
      for (const one of model.updates) if (one.lease !== undefined && one.token === game.machine.id) one.over = true;
      game.machine = await newOrgToken(game.world, `machine-${++game.tokens}`);
      return;
    }
    case "late":
      laterBy(331_000);
      for (const one of model.updates) if (one.lease !== undefined) one.over = true;
      return;
    case "alarm":
      await runDurableObjectAlarm(coordinator(game));
      return;
    case "evict":
      // An object that is not in memory cannot be evicted.
      await evictDurableObject(coordinator(game)).catch((error: unknown) => expect(String(error)).toContain("not currently running"));
  }
}

/** Marks the updates whose stack now has another path. */
function leave({ updates }: Model): void {
  for (const update of updates) update.left ||= update.lease !== undefined && !update.over;
}

const namesIn = (entries: object[]) =>
  (entries as { state?: { urn: string } }[]).flatMap(({ state }) => (state ? [state.urn.split("::").at(-1)!] : []));

function entriesFor(update: ModelUpdate, names: string[]): object[] {
  return resourcesOf(names).flatMap((resource) => {
    const number = update.nextEntry;
    update.nextEntry += 2;
    return [begins(number, number, resource), succeeds(number + 1, number, resource)];
  });
}

interface Entry {
  updateID: string;
  version: number;
  info: { result: string };
}

/** Checks the conditions that must hold after every moment, whatever the answers were. */
async function hold(game: Game): Promise<void> {
  const { model, world } = game;
  const path = pathOf(game);
  const token = world.member;
  const { updates } = await ok<{ updates: Entry[] }>("GET", `${path}/updates?output-type=service&pageSize=1000&page=1`, { token });
  const { version } = await ok<{ version: number }>("GET", path, { token });
  const versions = updates.map((entry) => entry.version);
  expect(versions, "the history has a hole").toEqual(versions.map((_, i) => versions.length - i));
  expect(version, "the version went back").toBeGreaterThanOrEqual(model.version);
  model.version = version;

  const running = updates.filter(({ info }) => info.result === "in-progress");
  expect(running.length, "more than one runs").toBeLessThanOrEqual(1);
  expect(versions.length - running.length, "the history is not that of the version").toBe(version);
  for (const entry of updates) {
    if (entry.info.result === "in-progress") continue;
    const before = model.written.get(entry.version);
    const text = `${entry.updateID} ${entry.info.result}`;
    if (before !== undefined) expect(text, "the history was written anew").toBe(before);
    model.written.set(entry.version, text);
  }
  const here = model.updates.filter((update) => update.stack === model.stack && !update.dryRun);
  for (const update of here) {
    if (update.lease === undefined) continue;
    expect(updates.find(({ updateID }) => updateID === update.id)?.version, "a start is not in the history").toBe(update.version);
    const entry = updates.find(({ updateID }) => updateID === update.id)!;
    if (!update.over) expect(entry.info.result, "an update was ended by nobody").toBe("in-progress");
  }

  const { deployment } = await ok<Exported>("GET", `${path}/export`, { token });
  const names = (deployment.resources ?? []).map(({ urn }) => urn.split("::").at(-1)!).toSorted();
  const states = statesAfter(
    model,
    updates.filter(({ info }) => info.result !== "in-progress"),
  );
  expect(states, "what was acknowledged is not what is there").toContainEqual(names);
}

/** Plays a sequence against the whole Worker. Then it ends every running update, and expects that the stack is free. */
export async function play(game: Game, moments: Moment[]): Promise<void> {
  for (const moment of moments) {
    game.model.moment++;
    const quiet = moment.length === 1;
    const single = (step: Step) => act(game, step, quiet);
    // A stack has one name at a time, so a rename or a removal is sent alone.
    const moves = moment.find(({ do: what }) => what === "rename" || what === "remove");
    await Promise.all(moves && !quiet ? [act(game, moves, false)] : moment.map(single));
    await hold(game);
  }
  laterBy(331_000);
  for (const update of game.model.updates) if (update.lease !== undefined) update.over = true;
  await runDurableObjectAlarm(coordinator(game));
  await act(game, { do: "create", dryRun: false, kind: "update", token: "person" }, true);
  await act(game, { do: "start", at: 0, journaling: true, token: "person" }, true);
  await act(game, { do: "journal", at: 0, resources: 1, how: "send" }, true);
  await act(game, { do: "complete", at: 0, status: "succeeded" }, true);
  await hold(game);
}
