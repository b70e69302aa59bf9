/**
 * `npm run bench:billed`: counts what Cloudflare bills for single commands of the real CLI on stacks of 10, 200 and 600 resources of 16 KB.
 * It prints the lines of scripts/costs/counted.ts, and fails if a count differs by more than 5 % from the model of `npm run costs`. The CLI
 * sends batches by time, so the counts of a busy machine are others: run it on a quiet one.
 */
import type { Amounts, Billed } from "../scripts/costs/prices.ts";
import { counted } from "../scripts/costs/counted.ts";
import { onLine } from "../scripts/costs/model.ts";
import { billedFront, databaseBytes, takeCounts } from "./billed.ts";
import { Session, findCli } from "./cli.ts";
import { built } from "./servers.ts";

const SIZES = [10, 200, 600];

const cli = findCli();
if (!cli) throw new Error("There is no pulumi CLI in PULUMI_CLI, PATH or ~/.pulumi/bin.");
const server = await built({}, billedFront);
const { url, admin } = server;

/** The counts of some work, with what the queue and the objects do after it. */
async function countsOf(work: () => Promise<unknown>): Promise<Amounts> {
  await settled();
  await takeCounts(url);
  await work();
  return settled();
}

/** Waits until nothing has been counted for some seconds. @returns what was counted meanwhile */
async function settled(): Promise<Amounts> {
  const all: Amounts = {};
  for (let quiet = 0; quiet < 3;) {
    await new Promise((done) => setTimeout(done, 2000));
    const more = await takeCounts(url);
    quiet = Object.values(more).some((count) => count > 0) ? 0 : quiet + 1;
    for (const [kind, count] of Object.entries(more) as [Billed, number][]) all[kind] = (all[kind] ?? 0) + count;
  }
  return all;
}

const phases = { created: "up", unchanged: "no-op", preview: "preview" } as const;
type Kind = keyof typeof phases;
const kinds = Object.keys(phases) as Kind[];
const runs = new Map<number, Record<Kind, Amounts>>();
let grown = 0;
for (const resources of SIZES) {
  const session = await new Session(cli, server, { resources, bytes: 16 * 1024, shape: "parallel" }, `billed-${resources}`).begin();
  const before = await databaseBytes(url);
  const run = {} as Record<Kind, Amounts>;
  for (const kind of kinds) run[kind] = await countsOf(() => session.time(phases[kind]));
  runs.set(resources, run);
  // Two updates and a preview.
  grown += ((await databaseBytes(url)) - before) / 2;
  await session.time("destroy");
  await session.end();
}
const headers = { Authorization: `token ${admin}` };
const read = await countsOf(() => fetch(`${url}/api/orgs/acme/tokens`, { headers }));
// The first run of a day does more.
await server.cron!(new Date());
const cron = await countsOf(() => server.cron!(new Date(Date.now() + 60_000)));
await server.stop();

const pointsOf = (kind: Kind) => Object.fromEntries(SIZES.map((size) => [size, runs.get(size)![kind]]));
const found = {
  ...Object.fromEntries(kinds.map((kind) => [kind, pointsOf(kind)])),
  read,
  cron,
  databaseBytes: Math.round(grown / SIZES.length),
};
console.log(`export const counted: Counted = ${JSON.stringify(found)};`);

let missed = 0;
for (const kind of kinds)
  for (const size of SIZES) {
    const model = onLine(counted[kind], size);
    for (const [billed, count] of Object.entries(runs.get(size)![kind]) as [Billed, number][]) {
      const expected = model[billed] ?? 0;
      // A small count may differ by one, because 5 % of it is less than one.
      const isMissed = Math.abs(expected - count) > Math.max(1, 0.05 * count);
      if (isMissed) missed++;
      console.log(`${isMissed ? "MISS" : "ok  "} ${kind} of ${size}, ${billed}: counted ${count}, model ${expected}`);
    }
  }
process.exit(missed > 0 ? 1 : 0);
