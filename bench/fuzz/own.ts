/** A fast generator of requests that uses values of earlier answers. */
import * as fc from "fast-check";
import type { Operation } from "./document.ts";
import { requestsOf } from "./generate.ts";
import type { Credential } from "./world.ts";
import type { Sent } from "./send.ts";

/** The members of answers that are used in later requests, with the parameters that they become. */
const lessons: Record<string, string[]> = {
  id: ["tokenId", "inviteID", "roleID", "programID", "sessionId", "event", "identityId"],
  updateID: ["updateID"],
  updateId: ["updateID"],
  inviteId: ["inviteID"],
  programID: ["programID"],
  continuationToken: ["continuationToken"],
  stackName: ["stackName"],
  githubLogin: ["userLogin"],
};
const REMEMBERED = 12;

/** A started update with its lease, for later calls. */
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

/** Generates a few requests for every operation, in random order. */
export type Deck = (known: Record<string, string[]>, seed: number) => Sent[];

/** Builds the arbitraries once, because that takes longer than drawing from them. */
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
  /** Receives each answer. */
  learn: (sent: Sent, status: number, body: string) => void;
}

/** @param credential the credential of the requests, except those with a lease from an earlier answer */
export function explore(deck: Deck, start: Record<string, string[]>, credential: Credential, seed: number): Explorer {
  const known = structuredClone(start);
  const running: Running[] = [];
  /** Paths of updates. */
  const created: string[] = [];
  let queue: Sent[] = [];
  let round = 0;

  /** Changes most calls about an update to use an existing update, and most writes under a lease to use the lease of their update. */
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
        // A name may be any text, even `constructor`.
        for (const parameter of Object.hasOwn(lessons, name) ? lessons[name]! : []) {
          const values = (known[parameter] ??= []);
          if (values.includes(value) || value.length > 300) continue;
          values.push(value);
          // The values that the world began with stay.
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
