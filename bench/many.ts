/**
 * `npm run bench:many [-- --clients 50] [--updates 4] [--resources 10]` runs simulated CLIs concurrently. Each has its own stack and makes
 * some updates one after the other, with the calls and bodies of an `up` (cli-protocol §4.2): one journal request at a time, and
 * concurrently events and a renewal. There are no pauses between the calls, so the load is that of many more real CLIs, which also run
 * programs.
 */
import { gzipSync } from "node:zlib";
import { parseArgs } from "node:util";
import { percentiles } from "./percentiles.ts";
import { writeReport } from "./report.ts";
import { type BenchServer, built } from "./servers.ts";
import { table } from "./table.ts";
import { Connection, requestBytes } from "./wire.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "50" },
    updates: { type: "string", default: "4" },
    resources: { type: "string", default: "10" },
  },
});
const [clients, updates, resources] = [Number(values.clients), Number(values.updates), Number(values.resources)];

const times: Record<string, number[]> = {};
const errors: string[] = [];

/** One simulated CLI. It has a connection for the calls that it waits for, and one for concurrent calls. */
class Client {
  readonly #server: BenchServer;
  readonly #main: Connection;
  readonly #beside: Connection;
  readonly #stack: string;

  constructor(server: BenchServer, number: number) {
    this.#server = server;
    this.#main = new Connection(server.url);
    this.#beside = new Connection(server.url);
    this.#stack = `many-${number}`;
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
    await this.#ask("complete", "POST", `${path}/complete`, { status: "succeeded" }, lease);
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
    await this.#ask("renew", "POST", `${path}/renew_lease`, { token: "", duration: 300 }, lease, this.#beside);
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
    (times[name] ??= []).push(performance.now() - started);
    if (status >= 300) errors.push(`${method} ${path}: ${status} ${text}`);
    return (text ? JSON.parse(text) : {}) as Record<string, string>;
  }
}

const resource = (stack: string, i: number, edition: number) => ({
  urn: `urn:pulumi:${stack}::bench::pulumi:pulumi:Stack::r${i}`,
  custom: false,
  type: "pulumi:pulumi:Stack",
  inputs: { text: `${edition} `.repeat(500) },
});

const statements = async (server: BenchServer) => Number(await (await fetch(`${server.url}/bench/statements`)).text());

const server = await built({}, undefined, "bench/withFloor/index.ts");
try {
  await new Client(server, -1).run();
  for (const list of Object.values(times)) list.splice(0);
  const before = await statements(server);
  const started = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, i) => new Client(server, i).run()));
  const seconds = (performance.now() - started) / 1000;
  // The audit log is written after the answers.
  await new Promise((done) => setTimeout(done, 5000));
  const perUpdate = ((await statements(server)) - before) / (clients * updates);
  const all = Object.values(times).flat();
  const { p50, p99 } = percentiles(all);
  console.log(`\n${clients} clients, ${updates} updates of ${resources} resources each\n`);
  console.log(
    table(
      ["", "count", "p50 ms", "p99 ms"],
      Object.entries(times).map(([name, list]) => [name, list.length, percentiles(list).p50.toFixed(1), percentiles(list).p99.toFixed(1)]),
    ),
  );
  console.log(
    `\n${((clients * updates) / seconds).toFixed(1)} updates/s, ${(all.length / seconds).toFixed(0)} requests/s, p50 ${p50.toFixed(1)} ms, ` +
      `p99 ${p99.toFixed(1)} ms, ${errors.length} errors (goal 0), ${perUpdate.toFixed(1)} D1 statements per update, the audit log's among them`,
  );
  for (const error of errors.slice(0, 5)) console.log(error);
  const routes = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, { count: list.length, ...percentiles(list) }]));
  writeReport("many", {
    clients,
    updates,
    resources,
    seconds,
    requests: all.length,
    p50,
    p99,
    errors: errors.length,
    statements: perUpdate,
    routes,
  });
} finally {
  await server.stop();
}
process.exit(errors.length > 0 ? 1 : 0);
