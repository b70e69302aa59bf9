import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { resolveToken } from "../../src/auth/resolve.ts";
import type { Bindings } from "../../src/env.ts";
import { rotateSigningKeys } from "../../src/identity/rotate.ts";
import type { Route } from "../../src/http/route.ts";
import { forgetAdmitted } from "../../src/stacks/nearby.ts";
import { type RoundTrips, noRoundTrips, readRoundTrips } from "../../src/metrics/roundTrips.ts";
import { type Call, call } from "../support/client.ts";
import { freshBindings } from "../support/fresh.ts";
import { type GoodCall, addPeople, goodCall, refusedToAll } from "../support/goodCall.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

/**
 * Compares the round trips that a successful answer of every route waits for with the committed table `roundTrips.md`, so that an
 * additional round trip is noticed. The look-up of the caller does not count. `npx vitest run test/app/roundTrips.test.ts --update` writes
 * the table anew.
 */
const rows: { definition: Route["definition"]; roundTrips: RoundTrips }[] = [];

beforeAll(async () => {
  await freshBindings();
  const world = await newWorld();
  await addPeople();
  // The first request for the keys of a new deployment makes them.
  await rotateSigningKeys(env as unknown as Bindings, Date.now());
  const machine = (await newOrgToken(world, "ci", { mayRotateItself: true })).tokenValue;
  for (const { definition } of routes.filter((route) => !refusedToAll.includes(route.definition.operationId)))
    rows.push({ definition, roundTrips: await measure(world, machine, definition) });
}, 600_000);

it("makes the round trips that the committed table lists", async () => {
  await expect(table()).toMatchFileSnapshot("./roundTrips.md");
});

it("makes one round trip only under a lease: to the stack's object, which asks the database when a lease is renewed or ends", () => {
  const asks = (name: string) => rows.find(({ definition }) => definition.operationId.startsWith(name))!.roundTrips;
  const direct = { ...noRoundTrips(), object: 1 };
  expect(asks("CreateJournalEntries")).toEqual(direct);
  expect(asks("RecordEngineEventBatch")).toEqual(direct);
  expect(asks("PatchUpdateCheckpoint")).toEqual(direct);
  expect(asks("RenewUpdateLease")).toEqual({ ...direct, d1: 1 });
});

it("makes no round trip for 10,000 invented tokens, and accepts none of them", async () => {
  const untouchable = new Proxy({}, { get: () => expect.unreachable("a binding was asked") }) as never;
  const lookup = { storeAt: untouchable, cache: untouchable, peppers: ["test-pepper"], now: Date.now(), background: untouchable };
  for (let i = 0; i < 10_000; i++) expect(await resolveToken(invented(), lookup)).toBeUndefined();
}, 60_000);

const invented = () =>
  `pul-${Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

async function measure(world: World, machine: string, definition: Route["definition"]): Promise<RoundTrips> {
  const { path, json, headers, lease }: GoodCall = await goodCall(world, definition);
  const credentials: Call[] = { public: [{}], lease: [{ lease }], operator: [{ token: env.OPERATOR_TOKEN }] }[
    definition.permission as string
  ] ?? [
    { token: world.admin },
    // Some calls are what a machine does to itself, and some are for people outside of the organization.
    { token: machine },
    { token: world.stranger },
  ];
  for (const credential of credentials) {
    // An earlier call may have read the stack or started an update of it.
    forgetAdmitted();
    const response = await call(definition.method, path, { ...credential, json, headers });
    if (response.ok) return withoutIdentity(response.headers.get("Server-Timing") ?? "");
  }
  throw new Error(`no good answer of ${definition.operationId}`);
}

function withoutIdentity(timing: string): RoundTrips {
  const { d1, kv, ...others } = readRoundTrips(timing);
  const isLookedUp = timing.includes("identity;");
  return { d1: d1 - Number(timing.includes('identity;desc="database"')), kv: kv - Number(isLookedUp), ...others };
}

function table(): string {
  const kinds = Object.keys(noRoundTrips()) as (keyof RoundTrips)[];
  const line = (cells: (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [
    "# Round trips to storage of one good request",
    "",
    "Written by `npx vitest run test/app/roundTrips.test.ts --update`. Beside the look-up of a token's identity: one to KV, and another to D1 once in",
    "60 seconds. What a stack's object asks is counted too. Work after the answer is not.",
    "",
    line(["route", ...kinds]),
    line(["---", ...kinds.map(() => "---")]),
    ...rows.map(({ definition: { method, path }, roundTrips }) =>
      line([`\`${method} ${path}\``, ...kinds.map((kind) => roundTrips[kind] || "")]),
    ),
    "",
  ].join("\n");
}
