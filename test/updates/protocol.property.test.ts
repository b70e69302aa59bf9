import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { beforeEach, expect, inject, it } from "vitest";
import { ok } from "../support/client.ts";
import { expectSound } from "../support/dangling.ts";
import { newOrgToken, newStack, newWorld } from "../support/world.ts";
import { newModel } from "./support/model.ts";
import { type Game, play } from "./support/play.ts";
import { sequences } from "./support/steps.ts";

const { fuzzRuns: RUNS } = inject("sizes");

let game: Omit<Game, "model">;
beforeEach(async () => {
  const world = await newWorld();
  await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setInFlightRevocation: "abort" } });
  const orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
  game = { world, orgId, machine: await newOrgToken(world, "machine-0"), tokens: 0 };
});

it(
  "keeps what it acknowledged, runs one update at a time and ends free, whatever comes in whatever order",
  { timeout: 3_600_000 },
  async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(sequences(20), async (moments) => {
        const name = `s${++round}`;
        await newStack(game.world.member, "web", name);
        const one: Game = { ...game, model: newModel(name) };
        try {
          await play(one, moments);
        } finally {
          // Tokens are made and deleted in the whole organization.
          Object.assign(game, { machine: one.machine, tokens: one.tokens });
        }
      }),
      { numRuns: RUNS },
    );
    expect(round).toBeGreaterThanOrEqual(RUNS);
    await expectSound();
  },
);
