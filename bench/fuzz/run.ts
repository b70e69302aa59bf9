/**
 * `npm run fuzz [-- --requests N --schemathesis N --pages N --oversize N --minutes N --only NAME,NAME --seed N --quick]` sends hostile
 * requests with every kind of credential to the built Worker, and values that are far too large for every field. It checks each answer
 * (judge.ts) and the memory of workerd. The exit code is 1 if there was a fault.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as fc from "fast-check";
import { operationsOf, readDocument } from "./document.ts";
import { newJudge } from "./judge.ts";
import { findWorkerd, peakBytes } from "../memory.ts";
import { oversized } from "./oversize.ts";
import { explore, newDeck } from "./own.ts";
import { pageFaults, pageRequests, pagesOf } from "./pages.ts";
import { drive, install } from "./schemathesis.ts";
import { type Sent, anAddress, send, textOf } from "./send.ts";
import { Tally } from "./tally.ts";
import { type Org, type World, newTemplate, newWorld, signIn } from "./world.ts";

const { values } = parseArgs({
  options: {
    /** Number of all requests, including those of Schemathesis and for pages. */
    requests: { type: "string" },
    schemathesis: { type: "string" },
    pages: { type: "string" },
    /** Number of requests with a value that is far too large, evenly chosen from all of them. */
    oversize: { type: "string" },
    only: { type: "string" },
    /** Longest time of the run. Each credential has an equal part of it. */
    minutes: { type: "string", default: "1440" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    quick: { type: "boolean", default: false },
  },
});
const total = Number(values.requests ?? (values.quick ? 5_000 : 100_000));
const bySchemathesis = Number(values.schemathesis ?? Math.floor(total / 5));
const forPages = Number(values.pages ?? Math.floor(total / 20));
const seed = Number(values.seed);
/** Maximum memory of workerd with all its isolates, including those of the simulators. Bytes. */
const MOST_MEMORY = 1_500_000_000;
const IN_FLIGHT = 8;
/** A new world is created after this many requests, because by then much of the old one is deleted, renamed or locked. */
const WORLD_LASTS = 2_500;

const document = readDocument();
const operations = operationsOf(document);
const deck = newDeck(operations);
const tooLarge = oversized(operations, seed);
const forOversize = Math.min(tooLarge.length, Number(values.oversize ?? (values.quick ? 300 : tooLarge.length)));
const template = await newTemplate();
const tally = new Tally(operations, newJudge(document, template.canaries));
const started = Date.now();
console.log(
  `seed ${seed}: ${total} requests, ${bySchemathesis} of them by Schemathesis, ${forPages} for pages, ${forOversize} of ${tooLarge.length} oversized`,
);

/** Peak memory of workerd in each world. Bytes. */
const peaks: number[] = [];

async function inWorld<T>(work: (world: World) => Promise<T>): Promise<T> {
  const world = await newWorld(template, (line) => tally.logged(line));
  const pid = findWorkerd();
  tally.mayHaveEnded = false;
  try {
    return await work(world);
  } finally {
    peaks.push(peakBytes(pid));
    await world.stop();
  }
}

const binary = bySchemathesis > 0 ? install() : "";
const all = await inWorld(async (world) => world.credentials);
const chosen = all.filter(({ name }) => !values.only || values.only.split(",").includes(name));
const named = (world: World, name: string) => world.credentials.find((credential) => credential.name === name)!;
const share = (requests: number) => Math.ceil(requests / chosen.length);
const each = share(total - bySchemathesis - forPages - forOversize);

/** End of the current turn. The first turns are those of oversized requests and of pages, then each credential has one. */
let turnEnds = 0;
let turns = 0;
const newTurn = () => (turnEnds = started + (++turns / (chosen.length + 2)) * Number(values.minutes) * 60_000);

/** Runs `work` a number of times, some concurrently; it ends early if `work` returns true. @returns the number of runs */
async function many(times: number, work: () => Promise<boolean>): Promise<number> {
  let ran = 0;
  let over = false;
  const lane = async () => {
    while (!over && ran < times && Date.now() < turnEnds) {
      ran++;
      over = (await work()) || over;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return ran;
}

/** @returns the number of requests */
async function byOurs(world: World, name: string, requests: number, round: number): Promise<number> {
  const credential = named(world, name);
  const explorer = explore(deck, world.known, credential, seed + round);
  return many(requests, async () => {
    const sent = explorer.next();
    sent.headers = { "CF-Connecting-IP": anAddress(), ...sent.headers };
    const answered = tally.sending(sent);
    try {
      const received = await send(world.url, sent).catch((error: unknown) => void lost(name, sent, error));
      if (!received) return false;
      explorer.learn(sent, received.status, received.body.toString());
      return tally.note("ours", credential, sent, received);
    } finally {
      answered();
    }
  });
}

function lost(credential: string, sent: Sent, error: unknown): void {
  tally.found({
    what: `no answer: ${String(error)}`,
    credential,
    request: `${sent.method} ${sent.path}`,
    body: textOf(sent.body).slice(0, 2000),
    answer: "",
  });
}

const complaints: Record<string, string> = {};
async function byIts(world: World, name: string): Promise<void> {
  if (bySchemathesis === 0) return;
  const credential = named(world, name);
  const outcome = await drive(binary, document, world, credential, share(bySchemathesis), seed, (sent, received) =>
    tally.note("Schemathesis", credential, sent, received),
  );
  if (outcome.complaints) complaints[name] = outcome.complaints;
}

/** Runs Schemathesis first, while the world is complete, then our generator. There is one world at a time, because each is a server. */
async function withToken(name: string): Promise<void> {
  newTurn();
  for (let left = each, round = 0; left > 0 && (round === 0 || Date.now() < turnEnds); round++) {
    left -= await inWorld(async (world) => {
      if (round === 0) await byIts(world, name);
      return byOurs(world, name, Math.min(left, WORLD_LASTS), round);
    });
  }
  progress(name);
}

/** Bad credentials cannot change data, so all of them use one world. */
const withoutToken = (those: string[]) =>
  inWorld(async (world) => {
    for (const name of those) {
      newTurn();
      await byIts(world, name);
      await byOurs(world, name, each, 0);
      progress(name);
    }
  });

const progress = (name: string) =>
  console.log(
    `${String(tally.total).padStart(7)} requests, ${tally.faults.length} faults, ${Math.round((Date.now() - started) / 1000)} s: ${name}`,
  );

/** Sends a value that is far too large for every field, as an administrator or with the lease of a running update. */
async function onOversize(): Promise<void> {
  newTurn();
  const step = tooLarge.length / forOversize;
  const left = Array.from({ length: forOversize }, (_, i) => tooLarge[Math.floor(i * step)]!);
  while (left.length > 0 && Date.now() < turnEnds) {
    await inWorld((world) =>
      many(Math.min(left.length, WORLD_LASTS), async () => {
        const { sent, isUnderLease } = left.pop()!(world.known);
        const credential = named(world, isUnderLease ? "lease" : "admin");
        sent.headers = { "CF-Connecting-IP": anAddress(), ...sent.headers, ...credential.headers };
        const received = await send(world.url, sent).catch((error: unknown) => void lost("oversize", sent, error));
        return received ? tally.note("oversize", credential, sent, received) : false;
      }),
    );
  }
  progress("oversize");
}

/** Requests pages as a signed-in administrator and without a session. */
async function onPages(): Promise<void> {
  const pages = pagesOf();
  newTurn();
  for (let left = forPages, round = 0; left > 0 && (round === 0 || Date.now() < turnEnds); round++) {
    left -= await inWorld(async (world) => {
      const newCookie = async () => `__Host-stackpass=${await signIn(world.url, template.credentials.organizations["acme"]!["admin"]!)}`;
      let cookie = await newCookie();
      let queue: Sent[] = [];
      let made = 0;
      return many(Math.min(left, WORLD_LASTS), async () => {
        if (queue.length === 0)
          queue = pages.flatMap((page, i) =>
            fc.sample(pageRequests(page, world.known), { numRuns: 2, seed: seed + round * 7919 + made++ * 31 + i }),
          );
        const sent = queue.pop()!;
        const signedIn = Math.random() < 0.9;
        sent.headers = { "CF-Connecting-IP": anAddress(), ...sent.headers, ...(signedIn && { Cookie: cookie }) };
        const received = await send(world.url, sent).catch((error: unknown) => void lost("browser", sent, error));
        if (!received) return false;
        tally.page(
          signedIn ? "signed in" : "nobody",
          sent,
          received,
          pageFaults(received.status, String(received.headers["content-type"]), received.body.toString(), template.canaries.globex),
        );
        // A form has signed the browser out. If it cannot sign in again, the world ends.
        if (signedIn && String(received.headers["location"] ?? "").startsWith("/signin")) {
          try {
            cookie = await newCookie();
          } catch {
            return true;
          }
        }
        return false;
      });
    });
  }
}

const tokens = chosen.filter(({ kind }) => kind === "token").map(({ name }) => name);
const others = chosen.filter(({ kind }) => kind !== "token").map(({ name }) => name);
if (forOversize > 0) await onOversize();
if (forPages > 0) await onPages();
for (const name of tokens) await withToken(name);
if (others.length > 0) await withoutToken(others);
rmSync(template.folder, { recursive: true, force: true });

const classes = ["2xx", "3xx", "4xx", "5xx"];
console.log(`\n${"requests by".padEnd(44)}${classes.map((name) => name.padStart(8)).join("")}`);
for (const [name, row] of tally.counts)
  console.log(`${name.padEnd(44)}${classes.map((kind) => String(row.get(kind) ?? 0).padStart(8)).join("")}`);
const silent = operations
  .filter(({ operationId }) => ![...(tally.reached.get(operationId)?.keys() ?? [])].some((status) => status < "300"))
  .map(({ operationId }) => operationId);
console.log(
  `\n${operations.length - silent.length} of ${operations.length} operations had a successful answer; the others: ${[...new Set(silent)].join(", ")}`,
);

const tooMany = [...tally.reached.values()].map((row) => row.get("429") ?? 0).reduce((a, b) => a + b, 0);
console.log(`The largest refusal had ${tally.largestRefusal} bytes. ${tooMany} requests were refused with 429.`);

const shownBy = (org: Org) => tally.ownSeen.get(org)?.size ?? 0;
console.log(`Canaries were shown to their own organization by ${shownBy("acme")} operations (acme) and ${shownBy("globex")} (globex).`);
/** If no answer contains the caller's own canary, the search for the other organization's canary proves nothing. */
const blind = !values.only && (shownBy("acme") === 0 || shownBy("globex") === 0);
if (blind) console.log("FAULT: an organization's own canary was in no answer, so the search for leaks proves nothing");

const peak = Math.max(...peaks);
const megabytes = (bytes: number) => Math.round(bytes / 1e6);
console.log(
  `Memory of workerd, all isolates and simulators: ${megabytes(peak)} MB at most, by world ${peaks.map(megabytes).join(", ")}; bound ${megabytes(MOST_MEMORY)}.`,
);
const isTooLarge = peak > MOST_MEMORY;
if (isTooLarge) console.log("FAULT: workerd used more memory than its bound");

const kinds = Map.groupBy(tally.faults, ({ what, request }) => `${what} | ${request.split("?")[0]!.split("/").slice(0, 3).join("/")}`);
for (const faults of kinds.values()) {
  const { what, credential, request, body, answer } = faults[0]!;
  console.log(
    `\nFAULT (${faults.length} times): ${what}\n  as ${credential}: ${request.slice(0, 400)}\n  body: ${body.slice(0, 400)}\n  answer: ${answer.slice(0, 400)}`,
  );
}
for (const [name, text] of Object.entries(complaints)) console.log(`\nSchemathesis, as ${name}:\n${text}`);

const folder = join(import.meta.dirname, "../results");
mkdirSync(folder, { recursive: true });
const file = join(folder, `fuzz-${new Date().toISOString().replaceAll(":", "-")}.json`);
writeFileSync(
  file,
  `${JSON.stringify(
    {
      date: new Date().toISOString(),
      machine: `${cpus().length} × ${cpus()[0]?.model ?? "?"}`,
      seed,
      seconds: Math.round((Date.now() - started) / 1000),
      requests: tally.total,
      peaks,
      shownAtHome: Object.fromEntries([...tally.ownSeen].map(([org, by]) => [org, [...by].toSorted()])),
      answers: Object.fromEntries([...tally.counts].map(([name, row]) => [name, Object.fromEntries(row)])),
      operations: Object.fromEntries([...tally.reached].map(([name, row]) => [name, Object.fromEntries(row)])),
      faults: tally.faults,
      complaints,
    },
    null,
    2,
  )}\n`,
);
console.log(
  `\n${tally.total} requests in ${Math.round((Date.now() - started) / 1000)} s, ${tally.faults.length} faults; written to ${file}`,
);
process.exit(blind || isTooLarge || tally.faults.length > 0 || Object.keys(complaints).length > 0 ? 1 : 0);
