/** Our own generator: fast, and it goes on from what the answers say. */
import * as fc from "fast-check";
import type { Operation } from "./document.ts";
import { requestsOf } from "./generate.ts";
import type { Credential } from "./world.ts";
import type { Sent } from "./send.ts";

/** Members of answers that are worth sending back, by the parameters that they may stand for. */
const lessons: Record<string, string[]> = {
  id: ["tokenId", "inviteID", "roleID", "programID", "sessionId"],
  updateID: ["updateID"],
  updateId: ["updateID"],
  inviteId: ["inviteID"],
  programID: ["programID"],
  continuationToken: ["continuationToken"],
  stackName: ["stackName"],
  githubLogin: ["userLogin"],
};
const REMEMBERED = 12;

/** A started update: later calls under its lease go to the update that it is of. */
interface Running {
  path: string;
  lease: string;
}

const ofUpdate = /^\/api\/stacks\/[^/]+\/[^/]+\/[^/]+\/(?:update|preview|refresh|destroy)\/[^/?]+(.*)$/;
const underLease = /^\/(?:checkpoint|journalentries|events|log|complete|renew_lease)/;
const pick = <T>(of: T[]): T => of[Math.floor(Math.random() * of.length)]!;
function remember<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > 4) list.shift();
}

/** Draws a few requests for every operation, shuffled. */
export type Deck = (known: Record<string, string[]>, seed: number) => Sent[];

/** Made once: to build the arbitraries takes longer than to draw from them. */
export function newDeck(operations: Operation[]): Deck {
  let known: Record<string, string[]> = {};
  const arbitraries = operations.map((operation) => requestsOf(operation, () => known));
  return (values, seed) => {
    known = values;
    const drawn = arbitraries.flatMap((arbitrary, i) => fc.sample(arbitrary, { numRuns: 2, seed: seed + i }));
    return fc.sample(fc.shuffledSubarray(drawn, { minLength: drawn.length }), { numRuns: 1, seed })[0]!;
  };
}

export interface Explorer {
  next: () => Sent;
  /** To be told of each answer. */
  learn: (sent: Sent, status: number, body: string) => void;
}

/** @param credential what a request is sent with, unless it is sent under a lease that was learned */
export function explore(deck: Deck, start: Record<string, string[]>, credential: Credential, seed: number): Explorer {
  const known = structuredClone(start);
  const running: Running[] = [];
  /** Paths of updates. */
  const created: string[] = [];
  let queue: Sent[] = [];
  let round = 0;

  /** Most calls about an update are sent to one that is there, and writes under a lease with the lease of their update. */
  function aimed(sent: Sent): Sent {
    const own = { ...sent, headers: { ...sent.headers, ...credential.headers } };
    const [, rest] = ofUpdate.exec(sent.path) ?? [];
    if (rest === undefined || credential.kind !== "token" || Math.random() < 0.3) return own;
    if (sent.method === "GET" || !underLease.test(rest)) return created.length > 0 ? { ...own, path: pick(created) + rest } : own;
    const one = running.length > 0 ? pick(running) : undefined;
    return one ? { ...sent, path: one.path + rest, headers: { ...sent.headers, Authorization: `update-token ${one.lease}` } } : own;
  }

  return {
    next: () => {
      if (queue.length === 0) queue = deck(known, seed + 1009 * round++);
      return aimed(queue.pop()!);
    },
    learn: (sent, status, body) => {
      if (status !== 200 || !body.startsWith("{") || body.length > 100_000) return;
      const answer = JSON.parse(body) as Record<string, unknown>;
      if (typeof answer["token"] === "string" && "tokenExpiration" in answer && "version" in answer) {
        remember(running, { path: sent.path.split("?")[0]!, lease: answer["token"] });
      }
      const [stack] = /^\/api\/stacks\/[^/]+\/[^/]+\/[^/]+(?=\/(?:update|preview|refresh|destroy)$)/.exec(sent.path) ?? [];
      if (stack && typeof answer["updateID"] === "string") remember(created, `${stack}/update/${answer["updateID"]}`);
      walk(answer, (name, value) => {
        // Names are anything: `constructor`, too.
        for (const parameter of Object.hasOwn(lessons, name) ? lessons[name]! : []) {
          const values = (known[parameter] ??= []);
          if (values.includes(value) || value.length > 300) continue;
          values.push(value);
          // What the world was made with stays.
          if (values.length > REMEMBERED) values.splice(start[parameter]?.length ?? 0, 1);
        }
      });
    },
  };
}

function walk(value: unknown, see: (name: string, text: string) => void): void {
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === "string" && member !== "") see(name, member);
    else walk(member, see);
  }
}
