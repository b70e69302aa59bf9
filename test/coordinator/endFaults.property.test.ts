import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, expect, inject, it, onTestFinished, vi } from "vitest";
import { call, ok } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { expectSound } from "../support/dangling.ts";
import { begins, component, deploymentOf, rootStack, secretsManager, succeeds } from "../support/deployment.ts";
import { type RunningUpdate, type World, newStack, newWorld, startUpdate } from "../support/world.ts";
import { coordinator } from "../updates/support/ends.ts";
import { type Fault, type Kind, arm, isVital, kinds } from "../updates/support/injection.ts";

const { endFaults: FAULTS } = inject("sizes");

let world: World;
beforeEach(async () => {
  world = await newWorld();
  // A long run of this test imports more in a minute than a token may, so the limit is switched off.
  const spy = vi.spyOn(env.TOKEN_IMPORTS, "limit").mockResolvedValue({ success: true });
  onTestFinished(() => spy.mockRestore());
});

const made = ["one", "two", "three"];
const entries = [
  secretsManager,
  ...made.flatMap((name, i) => [begins(2 * i + 2, i + 1, component(name)), succeeds(2 * i + 3, i + 1, component(name))]),
];
const refreshed = [
  secretsManager,
  { ...succeeds(2, 1, rootStack), kind: 3, removeOld: 0, isRefresh: true },
  { ...succeeds(3, 2, { ...component("one"), dependencies: [component("gone").urn] } as never) },
  { ...succeeds(4, 3, { ...component("two"), aliases: [component("old").urn] } as never) },
  { version: 1, kind: 7, sequenceID: 5, operationID: 0, removeOld: null, removeNew: null },
  succeeds(6, 4, component("three")),
];

/** The forms in which an update sends its state. */
const forms = {
  "a journal": (update: RunningUpdate) => journal(update, entries),
  "a journal with a hole": (update: RunningUpdate) =>
    journal(
      update,
      entries.map((entry) => ({ ...entry, sequenceID: entry.sequenceID + 1 })),
    ),
  "a refresh with aliases and a new base": (update: RunningUpdate) => journal(update, refreshed),
  "a checkpoint": (update: RunningUpdate) =>
    ok("PATCH", `${update.path}/checkpoint`, {
      lease: update.lease,
      json: { isInvalid: false, ...deploymentOf([rootStack, ...made.map((name) => component(name))]) },
    }),
};
type Form = keyof typeof forms;

const journal = async (update: RunningUpdate, list: object[]) => {
  for (const part of [list.slice(0, 3), list.slice(3)])
    await ok("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: part } });
};

/** The ways in which an update ends. */
const ends = [
  "complete",
  "cancel",
  "complete, then cancel",
  "expiry",
  "abort",
  "delete by force",
  "complete, then delete by force",
] as const;
type End = (typeof ends)[number];

interface Case {
  form: Form;
  withBase: boolean;
  end: End;
}

const cases: Case[] = (Object.keys(forms) as Form[]).flatMap((form) =>
  [true, false].flatMap((withBase) => ends.map((end) => ({ form, withBase, end }))),
);

let round = 0;

async function begin({ form, withBase }: Case): Promise<{ stack: string; path: string; update: RunningUpdate }> {
  const stack = `web/s${++round}`;
  const path = `/api/stacks/acme/${stack}`;
  await newStack(world.member, "web", `s${round}`);
  if (withBase) await ok("POST", `${path}/import`, { token: world.member, json: deploymentOf([rootStack, component("before")]) });
  const update = await startUpdate(world.member, { stack, journaling: form !== "a checkpoint" });
  await forms[form](update);
  const events = [{ sequence: 0, timestamp: 1, summaryEvent: { resourceChanges: { create: 3 } } }];
  await ok("POST", `${update.path}/events/batch`, { lease: update.lease, json: { events } });
  return { stack, path, update };
}

/** Makes the calls that end an update, each four times, as clients repeat them. @returns the last status of each */
async function end({ end: how }: Case, { path, stack, update }: Awaited<ReturnType<typeof begin>>): Promise<number[]> {
  const complete = () => call("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
  const cancel = () => call("POST", `${update.path}/cancel`, { token: world.admin });
  const remove = () => call("DELETE", `${path}?force=true`, { token: world.admin });
  const statuses: number[] = [];
  const send = async (request: () => Promise<Response>, most = 4) => {
    let status = 503;
    for (let tries = 0; tries < most && status >= 500; tries++) ({ status } = await request());
    statuses.push(status);
  };
  if (how.startsWith("complete")) await send(complete, how === "complete" ? 4 : 1);
  if (how.endsWith("cancel")) await send(cancel);
  if (how.endsWith("by force")) await send(remove);
  if (how === "expiry") laterBy(331_000);
  if (how === "abort") await (await coordinator(stack)).abort(update.id, "token").catch(() => undefined);
  return statuses;
}

const rowOf = (id: string) =>
  env.DB.prepare("SELECT status, state_key, journal_kept FROM updates WHERE id = ?")
    .bind(id)
    .first<{ status: string; state_key: string | null; journal_kept: string | null }>();

/** Runs the alarms that the object sets for itself until the update has ended. @returns how many alarms it took */
async function alarmsUntilOver(stack: string, id: string): Promise<number> {
  for (let alarms = 0; ; alarms++) {
    if ((await rowOf(id))!.status !== "running") return alarms;
    expect(alarms, "the update does not end").toBeLessThan(30);
    const stub = await coordinator(stack);
    // The clock moves to the time of the alarm. After several alarms it moves by an hour each, which is the time that an outage may take.
    const at = await runInDurableObject(stub, (_, state) => state.storage.getAlarm());
    laterBy(alarms < 12 ? Math.max(0, (at ?? Date.now() + 60_000) - Date.now()) + 1 : 3600_000);
    await runDurableObjectAlarm(stub).catch(() => undefined);
  }
}

/** Expects that either the new state has everything that was acknowledged, or the journal keeps all of it. */
async function expectNothingLost(form: Form, id: string): Promise<"state" | "kept"> {
  const row = (await rowOf(id))!;
  if (row.journal_kept === null) {
    const text = row.state_key === null ? "" : await (await env.STATE.get(row.state_key))!.text();
    for (const name of made) expect(text).toContain(`::${name}"`);
    return "state";
  }
  const manifest = await (await env.STATE.get(`journals/${id}/run.json`))!.json<{ files: string[]; form: string }>();
  expect(manifest.form).toBe(form === "a checkpoint" ? "checkpoint" : "journal");
  let text = "";
  for (const file of manifest.files) text += await (await env.STATE.get(`journals/${id}/${file}`))!.text();
  for (const name of made) expect(text).toContain(`::${name}"`);
  return "kept";
}

async function expectUsable(path: string, stack: string): Promise<void> {
  const token = world.member;
  if ((await call("GET", path, { token })).status === 404)
    await ok("POST", "/api/stacks/acme/web", { token, json: { stackName: stack.slice(4) } });
  await ok("GET", `${path}/export`, { token });
  const next = await startUpdate(token, { stack });
  await ok("PATCH", `${next.path}/journalentries`, { lease: next.lease, json: { entries } });
  await ok("POST", `${next.path}/complete`, { lease: next.lease, json: { status: "succeeded" } });
  await ok("POST", `${path}/import`, { token, json: deploymentOf([]) });
  await ok("DELETE", path, { token });
}

/** The methods that the end of such an update calls, with the number of calls: a fault can be put into each of them. */
async function callsOf(one: Case): Promise<[string, number][]> {
  const run = await begin(one);
  const disarm = arm();
  await end(one, run);
  return [...disarm().calls];
}

it("the end of an update frees the stack and loses nothing, whatever fails and however often", { timeout: 3_600_000 }, async () => {
  const calls = new Map<string, [string, number][]>();
  const likeIt = ({ form, withBase }: Case) => `${form} ${withBase}`;
  for (const one of cases) if (!calls.has(likeIt(one))) calls.set(likeIt(one), await callsOf({ ...one, end: "complete" }));
  const methods = new Set([...calls.values()].flatMap((all) => all.map(([method]) => method)));

  const faults = fc.record({
    one: fc.constantFrom(...cases),
    method: fc.nat(),
    nth: fc.nat(),
    times: fc.constantFrom(1, 2, 5, Infinity),
    kind: fc.constantFrom(...(Object.keys(kinds) as Kind[])),
  });
  // Every run has a replay that always fails, and an update that nobody cancels.
  const one = cases.find(({ form, withBase, end: how }) => form === "a journal" && withBase && how === "complete")!;
  const lasting = {
    one,
    method: calls.get(likeIt(one))!.findIndex(([method]) => method.startsWith("Fold.")),
    nth: 0,
    times: Infinity,
    kind: "RangeError" as const,
  };
  // The counts of the history come from events, which the end of an update does not need.
  const withoutCounts = {
    one: cases.find(({ form, withBase, end: how }) => form === "a checkpoint" && !withBase && how === "complete, then delete by force")!,
    method: 0,
    nth: 0,
    times: 5,
    kind: "503" as const,
  };
  withoutCounts.method = calls.get(likeIt(withoutCounts.one))!.findIndex(([method]) => method === "BodyStore.batches");
  expect(Math.min(lasting.method, withoutCounts.method)).toBeGreaterThanOrEqual(0);
  const tally = new Map<string, number>();
  const count = (what: string) => tally.set(what, (tally.get(what) ?? 0) + 1);
  await fc.assert(
    fc.asyncProperty(faults, async ({ one, method: at, nth, times, kind }) => {
      const all = calls.get(likeIt(one))!;
      const [method, most] = all[at % all.length]!;
      const fault: Fault = { method, nth: (nth % most) + 1, times: isVital(method) ? Math.min(times, 5) : times, kind };
      const run = await begin(one);
      const disarm = arm(fault);
      let thrown = 0;
      try {
        const statuses = await end(one, run);
        const over = (await rowOf(run.update.id))!.status !== "running";
        // If the database answers, a caller can always cancel an update whose end has failed, or delete its stack.
        if (!isVital(method) && (one.end.endsWith("by force") || one.end === "complete, then cancel"))
          expect([statuses.at(-1), over], JSON.stringify(fault)).toEqual([expect.toSatisfy((status: number) => status < 500), true]);
        const alarms = await alarmsUntilOver(run.stack, run.update.id);
        count(alarms === 0 ? "over at once" : alarms <= 6 ? "over after at most 6 alarms" : "over after an outage of 6 hours");
      } finally {
        ({ thrown } = disarm());
      }
      count(thrown === 0 ? "no fault came about" : `fault in ${method.split(".")[0]}`);
      // Now everything is written to R2 that could not be written before.
      laterBy(7 * 3600_000);
      await runDurableObjectAlarm(await coordinator(run.stack));
      count(`${one.end}: ${await expectNothingLost(one.form, run.update.id)}`);
      await expectUsable(run.path, run.stack);
    }),
    { numRuns: FAULTS, examples: [[lasting], [withoutCounts]] },
  );
  await expectSound();
  console.log(
    `faults in the end of an update: ${FAULTS} in ${methods.size} methods\n${[...tally]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([what, n]) => `  ${n} ${what}`)
      .join("\n")}`,
  );
});
