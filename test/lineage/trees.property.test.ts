import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { newVisitor } from "../support/browser.ts";
import { call, ok } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";
import { type Step, grow, newPerson } from "./support/grow.ts";
import type { Model, Node } from "./support/model.ts";

const { trees: RUNS } = inject("sizes");

const steps = fc.array(fc.record<Step>({ actor: fc.nat(1000), action: fc.nat(1000), org: fc.nat(1) }), { minLength: 6, maxLength: 24 });

/**
 * Every run grows this tree: a token makes a second one and invites an administrator, who makes an organization token. So the descent
 * includes a membership, as in few random trees.
 */
const throughMembership: Step[] = [
  { actor: 0, action: 0, org: 0 },
  { actor: 0, action: 3, org: 0 },
  { actor: 2, action: 5, org: 0 },
];

/** Numbers of nodes that were grown and examined, by kind. */
const counts: Record<string, number> = {};
const count = (what: string) => void (counts[what] = (counts[what] ?? 0) + 1);

it(
  "revoking a credential with its descendants ends everything below it, at the next use, and nothing beside it",
  { timeout: 7_200_000 },
  async () => {
    const world = await newWorld();
    const stranger = (await newPerson([])).person.probe;
    await fc.assert(
      fc.asyncProperty(steps, fc.tuple(fc.nat(1000), fc.nat(1000)), fc.boolean(), async (taken, picks, leaks) => {
        const model = await grow(world, taken);
        const credentials = model.nodes.filter((node) => node.value !== "");
        // Of two credentials, this takes the one with more descendants.
        const [one, other] = picks.map((pick) => credentials[pick % credentials.length]!) as [Node, Node];
        const root = model.below(one).size > model.below(other).size ? one : other;
        // A leak of a token does not concern the value that the token replaced.
        const below = model.below(root, leaks ? [root] : model.lineOf(root));
        const living = await livingRows();
        const total = leaks ? await leak(root) : await revoke(world, root);
        const ending = [...below].filter((node) => node.endedAt === undefined);
        if (total !== undefined) expect(total).toBe(ending.length);
        for (const node of model.nodes) {
          const ended = (other: Node) => other === root || below.has(other) || other.endedAt !== undefined;
          expect(await isGood(node, stranger), describe(model, node)).toBe(!ended(node) && !model.isOrphan(node, ended));
          if (node === root) count("revoked");
          else count(`${node.kind}, ${below.has(node) ? "below" : "beside"}`);
        }
        expect(living - (await livingRows())).toBe(ending.length + (root.endedAt === undefined ? 1 : 0));
        count("trees");
        count(`deepest ${Math.max(...[...below, root].map((node) => model.depthOf(node)))}`);
      }),
      { numRuns: RUNS, examples: [false, true].map((leaks): [Step[], [number, number], boolean] => [throughMembership, [0, 0], leaks]) },
    );
    console.log("trees of credentials:", JSON.stringify(Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a.localeCompare(b)))));
  },
);

const describe = (model: Model, node: Node) => `${node.kind} ${node.id}, made in step ${node.at}, depth ${model.depthOf(node)}`;

/** @returns how many other credentials ended with it, according to the answer */
async function revoke(world: World, { kind, id, person, org }: Node): Promise<number> {
  const path = kind === "organization" ? `/api/orgs/${org}/tokens` : `/api/user/${kind === "session" ? "sessions" : "tokens"}`;
  const token = kind === "organization" ? (org === "acme" ? world.admin : world.stranger) : person!.probe;
  return (await ok<{ total: number }>("DELETE", `${path}/${id}?withDescendants=true`, { token })).total;
}

let addresses = 1;
async function leak({ kind, value }: Node): Promise<undefined> {
  const token = kind === "session" ? value.split("=")[1]! : value;
  // Reports are counted by network, and a search for a smaller counterexample sends many.
  await ok("POST", "/api/token-leaks", { json: { token }, headers: { "CF-Connecting-IP": `2001:db8:7:${(addresses++).toString(16)}::1` } });
  return undefined;
}

/** Whether the node still gives access. */
async function isGood(node: Node, stranger: string): Promise<boolean> {
  const { kind, org, id, value, person } = node;
  switch (kind) {
    case "personal":
      return (await call("GET", "/api/user/tokens", { token: value })).status === 200;
    case "session":
      return (await newVisitor(value).get("/user/settings/tokens")).status === 200;
    case "organization":
      return (await call("GET", `/api/orgs/${org}/metadata`, { token: value })).status === 200;
    case "invitation":
      return (await call("GET", `/api/orgs/${org}/invites/${id}`, { token: stranger })).status === 200;
    case "membership":
      return (await call("GET", `/api/orgs/${org}/metadata`, { token: person!.probe })).status === 200;
  }
}

/** Everything in the whole database that gives access. */
const livingRows = async () =>
  (await env.DB.prepare(
    `SELECT (SELECT count(*) FROM access_tokens WHERE deleted_at IS NULL AND disabled_at IS NULL AND (retires_at IS NULL OR retires_at > ?1))
      + (SELECT count(*) FROM invites WHERE status = 'pending') + (SELECT count(*) FROM members) AS n`,
  )
    .bind(Date.now())
    .first<number>("n"))!;
