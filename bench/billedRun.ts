/**
 * `npm run bench:billed [-- RUNS]`: counts what Cloudflare bills for single commands of the real CLI on stacks of 10, 200 and 600 resources
 * of 16 KB. It prints the lines of scripts/costs/counted.ts, and fails if a count differs by more than 5 % from the model of `npm run costs`.
 *
 * Each command runs three times, and the median of each count is compared: the identity of a token is cached for a minute, so single runs
 * differ by a read or a write. Each run has a new server, because some reads grow with what the database has. The CLI sends batches by time, so
 * a slow machine sends more of them: the model is compared for the number of batches that were sent, and both numbers are printed.
 */
import type { Amounts, Billed } from "../scripts/costs/prices.ts";
import { counted, perBatch } from "../scripts/costs/counted.ts";
import { onLine } from "../scripts/costs/model.ts";
import { type Counts, billedFront, databaseBytes as bytesOf, takeCounts } from "./billed.ts";
import { Session, findCli } from "./cli.ts";
import { type BenchServer, built } from "./servers.ts";

const SIZES = [10, 200, 600];
/** Updates after which the growth of the database is taken. */
const GROWING = 20;
/**
 * By how much a small count may differ: by one, because 5 % of it is less than one. An alarm of the stack's object reads some rows at a time of its own.
 */
const slack: Amounts = { objectRead: 3 };
const RUNS = Number(process.argv[2] ?? 3);
if (!Number.isInteger(RUNS) || RUNS < 1) throw new Error("The argument is a number of runs.");

const cli = findCli();
if (!cli) throw new Error("There is no pulumi CLI in PULUMI_CLI, PATH or ~/.pulumi/bin.");

/** The counts of some work, with what the queue and the objects do after it. */
async function countsOf({ url }: BenchServer, work: () => Promise<unknown>): Promise<Counts> {
  await settled(url);
  await takeCounts(url);
  await work();
  return settled(url);
}

/** Waits until nothing has been counted for some seconds. @returns what was counted meanwhile */
async function settled(url: string): Promise<Counts> {
  const all: Counts = {};
  for (let quiet = 0; quiet < 3;) {
    await new Promise((done) => setTimeout(done, 2000));
    const more = await takeCounts(url);
    quiet = Object.values(more).some((count) => count > 0) ? 0 : quiet + 1;
    for (const [kind, count] of Object.entries(more) as [keyof Counts, number][]) all[kind] = (all[kind] ?? 0) + count;
  }
  return all;
}

const phases = { created: "up", unchanged: "no-op", preview: "preview" } as const;
type Kind = keyof typeof phases;
const kinds = Object.keys(phases) as Kind[];
const runs = new Map<number, Record<Kind, Counts[]>>();
for (const resources of SIZES) {
  const run: Record<Kind, Counts[]> = { created: [], unchanged: [], preview: [] };
  for (let i = 0; i < RUNS; i++) {
    const server = await built({}, billedFront);
    const session = await new Session(cli, server, { resources, bytes: 16 * 1024, shape: "parallel" }, `billed-${resources}-${i}`).begin();
    for (const kind of kinds) run[kind].push(await countsOf(server, () => session.time(phases[kind])));
    await session.time("destroy");
    await session.end();
    await server.stop();
  }
  runs.set(resources, run);
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

/** The median of each count, and its least and greatest value. */
function summary(all: Counts[]) {
  const found: Counts = {};
  const spread: Partial<Record<keyof Counts, string>> = {};
  for (const key of Object.keys(all[0]!) as (keyof Counts)[]) {
    const numbers = all.map((counts) => counts[key] ?? 0);
    found[key] = median(numbers);
    spread[key] = `${Math.min(...numbers)} to ${Math.max(...numbers)}`;
  }
  const { batches = 0, ...amounts } = found;
  return { batches, amounts: amounts as Amounts, spread };
}
const summaryOf = (kind: Kind, size: number) => summary(runs.get(size)![kind]);

const server = await built({}, billedFront);
const { url, admin } = server;
const headers = { Authorization: `token ${admin}` };
const { batches: _readBatches, ...read } = await countsOf(server, () => fetch(`${url}/api/orgs/acme/tokens`, { headers }));
// The first run of a day does more.
await server.cron!(new Date());
const { batches: _cronBatches, ...cron } = await countsOf(server, () => server.cron!(new Date(Date.now() + 60_000)));
const databaseBytes = await growth();
await server.stop();

/** Bytes by which the database grows with an update and its preview. It grows by pages, so this is the mean of several. */
async function growth(): Promise<number> {
  const session = await new Session(cli!, server, { resources: 10, bytes: 16 * 1024, shape: "parallel" }, "billed-growth").begin();
  await session.time("up");
  await settled(url);
  const before = await bytesOf(url);
  for (let i = 0; i < GROWING; i++) {
    await session.time("preview");
    await session.time("no-op");
  }
  await settled(url);
  const grown = (await bytesOf(url)) - before;
  await session.time("destroy");
  await session.end();
  return Math.round(grown / GROWING);
}

const bySize = <T>(kind: Kind, value: (found: ReturnType<typeof summary>) => T) =>
  Object.fromEntries(SIZES.map((size) => [size, value(summaryOf(kind, size))]));
const byKind = <T>(value: (found: ReturnType<typeof summary>) => T) => Object.fromEntries(kinds.map((kind) => [kind, bySize(kind, value)]));
const found = {
  ...byKind(({ amounts }) => amounts),
  read,
  cron,
  databaseBytes,
  batches: byKind(({ batches }) => batches),
};
console.log(`export const counted: Counted = ${JSON.stringify(found)};`);

let missed = 0;
for (const kind of kinds)
  for (const size of SIZES) {
    const { amounts, batches, spread } = summaryOf(kind, size);
    const inModel = counted.batches[kind][size]!;
    const more = batches - inModel;
    console.log(`${kind} of ${size}: ${batches} batches (${spread.batches}), in the model ${inModel}`);
    const model = onLine(counted[kind], size);
    for (const [billed, count] of Object.entries(amounts) as [Billed, number][]) {
      const expected = (model[billed] ?? 0) + more * (perBatch[kind][billed] ?? 0);
      const isMissed = Math.abs(expected - count) > Math.max(slack[billed] ?? 1, 0.05 * count);
      if (isMissed) missed++;
      console.log(`${isMissed ? "MISS" : "ok  "}   ${billed}: counted ${count} (${spread[billed]}), model ${expected}`);
    }
  }
process.exit(missed > 0 ? 1 : 0);
