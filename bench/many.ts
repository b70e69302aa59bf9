/**
 * `npm run bench:many [-- --clients 50] [--updates 4] [--resources 10] [--rounds 1] [--against FOLDER] [--peer URL,TOKEN] [--profile]` runs
 * simulated CLIs concurrently. Each has its own stack and makes some updates one after the other, with the calls and bodies of an `up`
 * (cli-protocol §4.2): one journal request at a time, concurrently events, and then a renewal. There are no pauses between the calls, so the
 * load is that of many more real CLIs, which also run programs. `--against` measures the Worker of another checkout in turns with ours, and
 * `--peer` another server: compare only figures of one run. A peer on this machine is found by its port, for its processor time. `--profile` takes
 * a profile of the Worker's own isolate and of the local simulators of the same process. It slows them down, most of all `console.log`, which the
 * runtime then also hands to the inspector.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { median, percentiles } from "./percentiles.ts";
import { processAt, processorTime } from "./processor.ts";
import { type Isolates, type Shares, profileOf } from "./profile.ts";
import { writeReport } from "./report.ts";
import { type BenchServer, built, peer } from "./servers.ts";
import { table } from "./table.ts";
import { Connection, requestBytes } from "./wire.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "50" },
    updates: { type: "string", default: "4" },
    resources: { type: "string", default: "10" },
    rounds: { type: "string", default: "1" },
    against: { type: "string" },
    peer: { type: "string" },
    profile: { type: "boolean", default: false },
  },
});
const [clients, updates, resources] = [Number(values.clients), Number(values.updates), Number(values.resources)];

/** The measurements of one round with one server. */
interface Round {
  times: Record<string, number[]>;
  errors: string[];
}

/** One simulated CLI. It has a connection for the calls that it waits for, and one for concurrent calls. */
class Client {
  readonly #server: BenchServer;
  readonly #round: Round;
  readonly #main: Connection;
  readonly #beside: Connection;
  readonly #stack: string;

  constructor(server: BenchServer, name: string, round: Round) {
    this.#server = server;
    this.#round = round;
    this.#main = new Connection(server.url);
    this.#beside = new Connection(server.url);
    this.#stack = name;
  }

  async run(): Promise<void> {
    const stack = `/api/stacks/acme/bench/${this.#stack}`;
    await this.#ask("stack create", "POST", "/api/stacks/acme/bench", { stackName: this.#stack });
    for (let i = 0; i < updates; i++) await this.#update(stack, i);
    this.#main.close();
    this.#beside.close();
  }

  async #update(stack: string, edition: number): Promise<void> {
    await this.#ask("user", "GET", "/api/user");
    await this.#ask("capabilities", "GET", "/api/capabilities");
    await this.#ask("stack", "GET", stack);
    await this.#ask("encrypt", "POST", `${stack}/encrypt`, { plaintext: btoa("hunter2") });
    const { updateID } = await this.#ask("create", "POST", `${stack}/update`, {
      name: "bench",
      runtime: "yaml",
      options: { dryRun: false },
      config: {},
      metadata: { message: "", environment: {} },
    });
    const path = `${stack}/update/${updateID}`;
    const { token } = await this.#ask("start", "POST", path, { journalVersion: 1 });
    const lease = `update-token ${token}`;
    await this.#ask("export", "GET", `${stack}/export`);
    const events = this.#events(path, lease);
    let sequence = 0;
    const entry = (kind: number, operationID: number, more: object = {}) => ({
      version: 1,
      kind,
      sequenceID: ++sequence,
      operationID,
      removeOld: null,
      removeNew: null,
      ...more,
    });
    const journal = (...entries: object[]) => this.#ask("journal", "PATCH", `${path}/journalentries`, { entries }, lease);
    await journal(entry(6, 0, { secretsProvider: { type: "service", state: {} } }));
    for (let i = 0; i < resources; i++) {
      const state = resource(this.#stack, i, edition);
      // An existing resource is replaced by its next edition.
      await journal(entry(0, i + 1), entry(1, i + 1, { removeOld: edition === 0 ? null : i, state }));
    }
    await events;
    // Some servers give a new token, and then refuse requests with the one before it. So no other request is under way.
    const renewed = await this.#ask("renew", "POST", `${path}/renew_lease`, { token: "", duration: 300 }, lease);
    await this.#ask("complete", "POST", `${path}/complete`, { status: "succeeded" }, `update-token ${renewed["token"]}`);
  }

  async #events(path: string, lease: string): Promise<void> {
    for (let batch = 0; batch < 4; batch++) {
      const events = Array.from({ length: 10 }, (_, i) => ({
        sequence: batch * 10 + i,
        timestamp: 1_700_000_000,
        stdoutEvent: { message: "x", color: "raw" },
      }));
      await this.#ask("events", "POST", `${path}/events/batch`, { events }, lease, this.#beside);
    }
  }

  async #ask(
    name: string,
    method: string,
    path: string,
    body?: object,
    authorization = `token ${this.#server.token}`,
    connection = this.#main,
  ): Promise<Record<string, string>> {
    const request = requestBytes(method, path, authorization, body ? gzipSync(JSON.stringify(body), { level: 1 }) : "", body !== undefined);
    const started = performance.now();
    const { status, body: text } = await connection.send(request);
    (this.#round.times[name] ??= []).push(performance.now() - started);
    if (status >= 300) this.#round.errors.push(`${method} ${path}: ${status} ${text}`);
    return (text ? JSON.parse(text) : {}) as Record<string, string>;
  }
}

const resource = (stack: string, i: number, edition: number) => ({
  urn: `urn:pulumi:${stack}::bench::pulumi:pulumi:Stack::r${i}`,
  custom: false,
  type: "pulumi:pulumi:Stack",
  inputs: { text: `${edition} `.repeat(500) },
});

/** The largest shares of the own isolate's time. */
const sharesTable = (what: string, shares: Shares, all: number) =>
  table(
    [`own isolate: ${what}`, "ms per update", "%"],
    shares.slice(0, 60).map(([name, ms]) => [name, (ms / count).toFixed(2), ((100 * ms) / all).toFixed(1)]),
  );

interface Database {
  statements: number;
  batches: number;
  rowsRead: number;
  rowsWritten: number;
}

/** Reads the counts of D1's work. @returns undefined for a server that has no such counts */
async function databaseOf({ name, url }: BenchServer): Promise<Database | undefined> {
  return name === "peer" ? undefined : ((await (await fetch(`${url}/bench/database`)).json()) as Database);
}

interface Figures extends Round {
  seconds: number;
  /** The counts of D1's work for one update. */
  database: Database | undefined;
  /** Milliseconds of processor time of the whole server for one update. */
  processor: number | undefined;
  /** The profile from the first call until the audit log was written. */
  profile: Isolates | undefined;
}

const count = clients * updates;
let number = 0;
/** Part of the names of stacks: a peer may still have those of an earlier run. */
const stamp = Date.now().toString(36);

async function measure(server: BenchServer): Promise<Figures> {
  const round: Round = { times: {}, errors: [] };
  const run = ++number;
  await new Client(server, `many-${stamp}-${run}-warm`, { times: {}, errors: [] }).run();
  const pid = processAt(server.url);
  const ended = server.inspector ? await profileOf(server.inspector, server.map!) : undefined;
  const before = await databaseOf(server);
  const used = pid && processorTime(pid);
  const started = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, i) => new Client(server, `many-${stamp}-${run}-${i}`, round).run()));
  const seconds = (performance.now() - started) / 1000;
  // The audit log is written after the answers.
  await new Promise((done) => setTimeout(done, 5000));
  const processor = pid && (processorTime(pid) - used!) / count;
  const profile = ended && (await ended());
  const after = await databaseOf(server);
  const database =
    before &&
    after &&
    (Object.fromEntries(Object.entries(after).map(([name, n]) => [name, (n - before[name as keyof Database]) / count])) as never);
  return { ...round, seconds, database, processor, profile };
}

const servers: BenchServer[] = [];
const errors: string[] = [];

const add = async (name: string, entry: string) =>
  void servers.push({ ...(await built({}, undefined, entry, values.profile, values.profile)), name });

try {
  if (values.against) await add("against", join(values.against, "bench/withFloor/index.ts"));
  await add("ours", "bench/withFloor/index.ts");
  if (values.peer) servers.push(peer(values.peer));
  const all: Record<string, Figures[]> = {};
  for (let round = 0; round < Number(values.rounds); round++)
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) (all[server.name] ??= []).push(await measure(server));

  console.log(`\n${clients} clients, ${updates} updates of ${resources} resources each; medians of ${values.rounds} rounds\n`);
  const figure = (list: (number | undefined)[], digits = 1) => (list.includes(undefined) ? "" : median(list as number[]).toFixed(digits));
  const rows = Object.entries(all).map(([name, rounds]) => {
    const spread = rounds.map(({ times }) => percentiles(Object.values(times).flat()));
    return [
      name,
      figure(rounds.map(({ seconds }) => count / seconds)),
      figure(spread.map(({ p50 }) => p50)),
      figure(spread.map(({ p99 }) => p99)),
      figure(rounds.map(({ processor }) => processor)),
      ...(["own", "simulators"] as const).map((kind) => figure(rounds.map(({ profile }) => profile && profile[kind] / count))),
      ...(["statements", "batches", "rowsRead", "rowsWritten"] as const).map((kind) =>
        figure(rounds.map(({ database }) => database?.[kind])),
      ),
      rounds.reduce((sum, one) => sum + one.errors.length, 0),
    ];
  });
  const of = (name: string) => rows.find(([first]) => first === name);
  const [our, their] = [of("ours"), of("peer")];
  const isRatio = (column: number) => column > 0 && column < 5 && our?.[column] !== "" && their?.[column] !== "";
  if (our && their)
    rows.push(
      our.map((value, column) =>
        column === 0 ? "ours to peer" : isRatio(column) ? (Number(value) / Number(their[column])).toFixed(2) : "",
      ),
    );
  console.log(
    table(
      [
        "",
        "updates/s",
        "p50 ms",
        "p99 ms",
        "processor ms per update",
        "of it own isolate",
        "simulators' isolates",
        "D1 statements",
        "batches",
        "rows read",
        "written",
        "errors",
      ],
      rows,
    ),
  );
  for (const [name, rounds] of Object.entries(all)) {
    const times: Record<string, number[]> = {};
    for (const one of rounds) for (const [call, list] of Object.entries(one.times)) (times[call] ??= []).push(...list);
    console.log(`\n${name}\n`);
    const profile = rounds.at(-1)?.profile;
    if (profile) {
      const { kinds, folders, self, withCalls } = profile;
      const parts = {
        "what runs": kinds,
        "where it comes from": folders,
        "functions alone": self,
        "functions with their calls": withCalls,
      };
      for (const [what, shares] of Object.entries(parts)) console.log(`${sharesTable(what, shares, profile.own)}\n`);
    }
    console.log(
      table(
        ["", "count", "p50 ms", "p99 ms"],
        Object.entries(times).map(([call, list]) => [
          call,
          list.length,
          percentiles(list).p50.toFixed(1),
          percentiles(list).p99.toFixed(1),
        ]),
      ),
    );
    errors.push(...rounds.flatMap((one) => one.errors));
  }
  for (const error of errors.slice(0, 5)) console.log(error);
  const report = Object.entries(all).map(([name, rounds]) => [
    name,
    rounds.map(({ times, profile, ...one }) => ({
      ...one,
      isolates: profile && {
        own: profile.own / count,
        simulators: profile.simulators / count,
        kinds: profile.kinds,
        folders: profile.folders,
      },
      calls: Object.fromEntries(Object.entries(times).map(([call, list]) => [call, percentiles(list)])),
    })),
  ]);
  const file = writeReport("many", { clients, updates, resources, servers: Object.fromEntries(report) as object });
  for (const [name, rounds] of Object.entries(all)) {
    const profile = rounds.at(-1)?.profile;
    if (profile) writeFileSync(file.replace(/json$/, `${name}.cpuprofile`), JSON.stringify(profile.raw));
  }
} finally {
  for (const server of servers) await server.stop();
}
process.exit(errors.length > 0 ? 1 : 0);
