/**
 * `npm run bench:distance [-- --size N] [--edge 10] [--database 120] [--object 20] [--against FOLDER] [--peer URL,TOKEN]` measures what a
 * command of the real CLI waits for when places are far from each other: the delays between the client and the Worker, between the Worker
 * or an object and D1, and between the Worker and an object are set separately, in milliseconds. It prints how many requests the command
 * waited for in a row, and how often it waited for D1 and for objects in a row. The look-up of the token's identity, once in a minute, has
 * a column of its own. `--against` measures the Worker of another checkout in place of ours.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Session, type Workload, findCli, wordsOf } from "./cli.ts";
import { type Seen, chain, countingProxy } from "./proxy.ts";
import { writeReport } from "./report.ts";
import { built, peer } from "./servers.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "10" },
    edge: { type: "string", default: "10" },
    database: { type: "string", default: "120" },
    object: { type: "string", default: "20" },
    against: { type: "string" },
    peer: { type: "string" },
  },
});
const workload: Workload = { resources: Number(values.size), bytes: 16 * 1024, shape: "parallel" };
const [edge, database, object] = [values.edge, values.database, values.object].map(Number) as [number, number, number];
const commands = ["stack init", "stack ls", "preview", "up", "no-op", "export", "destroy", "stack rm"] as const;

const cli = findCli();
if (!cli) {
  console.log("The Pulumi CLI is not installed (PULUMI_CLI, PATH or ~/.pulumi/bin): nothing to measure.");
  process.exit(0);
}

/** A module in front of the bundle that delays D1 and the objects. Work after an answer is delayed too, as it would be. */
const farFront = `
import worker, { StackCoordinator as Coordinator } from "./index.js";
export { AuditSender, WebhookDispatcher, WebhookSender } from "./index.js";
const wrap = (target, before) => new Proxy(target, {
  get(of, name) {
    const member = Reflect.get(of, name, of);
    if (typeof member !== "function") return member;
    return (...args) => before(name, () => Reflect.apply(member, of, args));
  },
});
const late = async (ms, call) => { await scheduler.wait(ms); return call(); };
const farDatabase = (db) => wrap(db, (name, open) => name === "withSession"
  ? wrap(open(), (method, call) => method === "batch" ? late(${database}, call) : call()) : open());
const farStacks = (stacks) => wrap(stacks, (name, find) => name === "get" ? wrap(find(), (_, call) => late(${object}, call)) : find());
const far = (env) => ({ ...env, DB: farDatabase(env.DB), STACKS: farStacks(env.STACKS) });
export class StackCoordinator extends Coordinator {
  constructor(state, env) { super(state, far(env)); }
}
export default {
  fetch: (request, env, ctx) => worker.fetch(request, far(env), ctx),
  queue: (messages, env, ctx) => worker.queue(messages, far(env), ctx),
  scheduled: (event, env, ctx) => worker.scheduled(event, far(env), ctx),
};
`;

const total = (seen: Seen[], weight: (request: Seen) => number) => seen.reduce((sum, request) => sum + weight(request), 0);

const server = values.peer ? peer(values.peer) : await built({}, farFront, values.against && join(values.against, "src/index.ts"));
try {
  const proxy = await countingProxy(server.url, edge);
  const session = new Session(cli, { url: proxy.url, token: server.token }, workload, "far");
  const results: Record<string, { ms: number; seen: Seen[] }> = {};
  for (const command of commands) {
    proxy.seen.splice(0);
    const ms = await session.time(command);
    results[command] = { ms, seen: proxy.seen.slice() };
  }
  session.close();
  proxy.stop();
  const ofDatabase = (request: Seen) => request.d1 - request.identity;
  const rows = Object.entries(results).map(([command, { ms, seen }]) => [
    command,
    (ms / 1000).toFixed(2),
    seen.length,
    chain(seen, () => 1).length,
    total(chain(seen, ofDatabase), ofDatabase),
    total(seen, ({ identity }) => identity),
    total(
      chain(seen, (request) => request.object),
      (request) => request.object,
    ),
  ]);
  console.log(`\n${wordsOf(workload)}; client to Worker ${edge} ms, to D1 ${database} ms, Worker to object ${object} ms\n`);
  console.log(table(["", "seconds", "requests", "in a row", "D1 in a row", "and for the identity", "objects in a row"], rows));
  for (const [command, { seen }] of Object.entries(results)) {
    console.log(`\n${command}: the requests that wait for D1, one after the other`);
    for (const { method, route, d1 } of chain(seen, ofDatabase).filter(ofDatabase)) console.log(`  ${d1}  ${method} ${route}`);
  }
  writeReport("distance", { ...workload, edge, database, object, results });
} finally {
  await server.stop();
}
process.exit(0);
