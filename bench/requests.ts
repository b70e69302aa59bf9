/**
 * `npm run bench:requests [-- --rounds N] [--seconds N] [--connections N] [--only name,…]` measures the cost of single requests, and
 * compares it with the cheapest request: a bare Hono route in the same Worker (`withFloor/`). In each round the cases run one after the
 * other, and a figure is the best of its rounds. The processor time is workerd's, including the simulators of D1, KV and R2. It is more
 * repeatable than the requests per second, which also depend on other processes.
 */
import { parseArgs } from "node:util";
import { SignJWT } from "jose/jwt/sign";
import { exportJWK } from "jose/key/export";
import { generateKeyPair } from "jose/key/generate/keypair";
import { ask, journalBatch, newStack, startUpdate } from "./api.ts";
import { findWorkerd } from "./memory.ts";
import { percentiles } from "./percentiles.ts";
import { processorTime } from "./processor.ts";
import { writeReport } from "./report.ts";
import { type BenchServer, built } from "./servers.ts";
import { table } from "./table.ts";
import { Connection, requestBytes } from "./wire.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1.5" },
    connections: { type: "string", default: "8" },
    only: { type: "string" },
  },
});
const connections = Number(values.connections);

/** The next request of one connection, or undefined when there is none left. */
type Source = () => Buffer | undefined;

interface Case {
  name: string;
  /** Least ratio of its requests per second to the floor's. */
  goal?: number;
  /** Name of the case that makes the same round trips and no other work, for comparison. */
  beside?: string;
  /** Runs before the measurement. */
  prepare: (round: number) => Promise<Source[]>;
}

interface Measured {
  perSecond: number;
  p50: number;
  p99: number;
  /** Microseconds of processor time for each request. */
  cpu: number;
}

const always = (request: Buffer): Source[] => Array.from({ length: connections }, () => () => request);
const each = (make: (connection: number) => Promise<Source>) => Promise.all(Array.from({ length: connections }, (_, i) => make(i)));

/** A source whose requests are generated before the measurement. */
function prepared(count: number, make: (i: number) => Buffer): Source {
  const requests = Array.from({ length: count }, (_, i) => make(i));
  let next = 0;
  return () => requests[next++];
}

function cases(server: BenchServer): Case[] {
  const token = `token ${server.token}`;
  const admin = `token ${server.admin}`;
  const user = requestBytes("GET", "/api/user", token);
  let made = 0;
  const subject = signed("");
  const running = (round: number, name: string, connection: number) =>
    newStack(server, `${name}-${round}-${connection}`).then((stack) => startUpdate(server, stack));
  return [
    { name: "bare Hono route (the floor)", prepare: async () => always(requestBytes("GET", "/bench/floor", "")) },
    { name: "bare, one question to KV", prepare: async () => always(requestBytes("GET", "/bench/kv", "")) },
    { name: "bare, one request to each of KV, D1 and R2", prepare: async () => always(requestBytes("GET", "/bench/strict", "")) },
    { name: "GET /api/user, cached", goal: 0.7, beside: "bare, one question to KV", prepare: async () => always(user) },
    {
      name: "GET /api/user, cold cache",
      // Each token is used only once, because afterwards it is cached.
      prepare: () =>
        each(async () => {
          const tokens: string[] = [];
          for (let i = 0; i < 60; i++)
            tokens.push((await ask(server, "POST", "/api/orgs/acme/tokens", { name: `cold-${made++}` }, admin))["tokenValue"]!);
          return prepared(tokens.length, (i) => requestBytes("GET", "/api/user", `token ${tokens[i]}`));
        }),
    },
    {
      name: "export (a strict read)",
      goal: 0.35,
      beside: "bare, one request to each of KV, D1 and R2",
      prepare: async (round) => {
        const stack = await newStack(server, `export-${round}`);
        const { path, lease } = await startUpdate(server, stack);
        await ask(server, "POST", `${path}/complete`, { status: "succeeded" }, lease);
        return always(requestBytes("GET", `${stack}/export`, token));
      },
    },
    {
      name: "token creation",
      prepare: () =>
        each(async () => () => requestBytes("POST", "/api/orgs/acme/tokens", admin, JSON.stringify({ name: `made-${made++}` }))),
    },
    {
      name: "bare, one RS256 signature",
      prepare: async () => always(requestBytes("POST", "/bench/signature", "", JSON.stringify(await subject))),
    },
    {
      name: "bare, one RS256 signature and one write to D1",
      prepare: async () => always(requestBytes("POST", "/bench/exchange", "", JSON.stringify(await subject))),
    },
    {
      name: "exchange of a token",
      beside: "bare, one RS256 signature and one write to D1",
      prepare: async (round) => {
        const url = `https://idp-${round}.example.com`;
        const { token: subject, jwk } = await signed(url);
        const { id } = await ask(server, "POST", "/api/orgs/acme/oidc/issuers", { name: "ci", url, jwks: { keys: [jwk] } }, admin);
        const policy = await ask(server, "GET", `/api/orgs/acme/auth/policies/oidcissuers/${id}`, undefined, admin);
        const policies = [{ decision: "allow", tokenType: "organization", rules: { sub: "repo:acme/shop:*" } }];
        await ask(server, "PATCH", `/api/orgs/acme/auth/policies/${policy["id"]}`, { policies }, admin);
        return always(requestBytes("POST", "/api/oauth/token", "", JSON.stringify(exchangeOf(subject))));
      },
    },
    {
      name: "encrypt",
      prepare: async (round) => {
        const stack = await newStack(server, `encrypt-${round}`);
        return always(requestBytes("POST", `${stack}/encrypt`, token, JSON.stringify({ plaintext: btoa("hunter2") })));
      },
    },
    {
      name: "journal batch, 80 KB",
      prepare: (round) =>
        each(async (connection) => {
          const { path, lease } = await running(round, "journal", connection);
          return prepared(100, (i) => requestBytes("PATCH", `${path}/journalentries`, lease, journalBatch(i), true));
        }),
    },
    {
      name: "events batch, 10 events",
      prepare: (round) =>
        each(async (connection) => {
          const { path, lease } = await running(round, "events", connection);
          return prepared(400, (batch) => requestBytes("POST", `${path}/events/batch`, lease, JSON.stringify({ events: eventsOf(batch) })));
        }),
    },
    {
      name: "renew",
      prepare: (round) =>
        each(async (connection) => {
          const { path, lease } = await running(round, "renew", connection);
          const request = requestBytes("POST", `${path}/renew_lease`, lease, JSON.stringify({ token: "", duration: 300 }));
          return () => request;
        }),
    },
  ];
}

/** A token of an identity provider, and its public key. */
async function signed(issuer: string): Promise<{ token: string; jwk: object }> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: "urn:pulumi:org:acme", sub: "repo:acme/shop:ref:refs/heads/main", iat: now, exp: now + 3600 };
  return { token: await new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).sign(privateKey), jwk: await exportJWK(publicKey) };
}

const exchangeOf = (token: string) => ({
  grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
  audience: "urn:pulumi:org:acme",
  subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
  subject_token: token,
  requested_token_type: "urn:pulumi:token-type:access_token:organization",
});

const eventsOf = (batch: number) =>
  Array.from({ length: 10 }, (_, i) => ({
    sequence: batch * 10 + i,
    timestamp: 1_700_000_000,
    resOutputsEvent: { metadata: { op: "create", urn: `urn:pulumi:s::bench::t:t:t::r${batch}-${i}`, type: "t:t:t", old: null, new: null } },
  }));

async function run(server: BenchServer, sources: Source[], pid: number): Promise<Measured> {
  const until = performance.now() + Number(values.seconds) * 1000;
  const times: number[] = [];
  const cpu = processorTime(pid);
  const started = performance.now();
  await Promise.all(
    sources.map(async (next) => {
      const connection = new Connection(server.url);
      for (let request = next(); request && performance.now() < until; request = next()) {
        const sent = performance.now();
        const { status, body } = await connection.send(request);
        if (status >= 300) throw new Error(`${request.toString("latin1", 0, request.indexOf("\r"))}: ${status} ${body}`);
        times.push(performance.now() - sent);
      }
      connection.close();
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  return { perSecond: times.length / seconds, ...percentiles(times), cpu: ((processorTime(pid) - cpu) * 1000) / times.length };
}

/** Checks random tokens of the right form within the Worker. @returns how many passed, and microseconds for each */
async function junk(server: BenchServer) {
  const [calls, each] = [20, 50_000];
  let passed = 0;
  const started = performance.now();
  for (let i = 0; i < calls; i++) passed += Number(await (await fetch(`${server.url}/bench/junk?count=${each}`)).text());
  return { count: calls * each, passed, microseconds: ((performance.now() - started) * 1000) / (calls * each) };
}

const server = await built({}, undefined, "bench/withFloor/index.ts");
try {
  const pid = findWorkerd();
  const wanted = cases(server).filter(
    ({ name }, i) => i === 0 || !values.only || values.only.split(",").some((part) => name.includes(part)),
  );
  const best: Record<string, Measured> = {};
  // Round 0 only warms up the JIT compilers.
  for (let round = 0; round <= Number(values.rounds); round++)
    for (const { name, prepare } of wanted) {
      const measured = await run(server, await prepare(round), pid);
      const known = best[name];
      if (round === 0) continue;
      best[name] = {
        perSecond: Math.max(measured.perSecond, known?.perSecond ?? 0),
        p50: Math.min(measured.p50, known?.p50 ?? Infinity),
        p99: Math.min(measured.p99, known?.p99 ?? Infinity),
        cpu: Math.min(measured.cpu, known?.cpu ?? Infinity),
      };
    }
  const floor = best[wanted[0]!.name]!;
  const rows = wanted.map(({ name, goal, beside }) => {
    const { perSecond, p50, p99, cpu } = best[name]!;
    const ratio = perSecond / floor.perSecond;
    const least = beside && best[beside];
    const verdict = goal === undefined ? "" : `${goal} ${ratio >= goal ? "ok" : "MISS"}`;
    return [
      name,
      perSecond.toFixed(0),
      ratio.toFixed(2),
      verdict,
      least ? (perSecond / least.perSecond).toFixed(2) : "",
      p50.toFixed(2),
      p99.toFixed(2),
      cpu.toFixed(0),
      (cpu / floor.cpu).toFixed(2),
    ];
  });
  console.log(`\n${connections} connections, one request in flight on each; best of ${values.rounds} rounds\n`);
  console.log(
    table(["", "requests/s", "× floor", "goal", "× bare with the same questions", "p50 ms", "p99 ms", "processor µs", "× floor"], rows),
  );
  const invented = values.only ? undefined : await junk(server);
  if (invented)
    console.log(
      `\n${invented.count} invented tokens: ${invented.passed} passed, ${invented.microseconds.toFixed(1)} µs each, no round trip`,
    );
  writeReport("requests", { connections, best, invented });
} finally {
  await server.stop();
}
process.exit(0);
