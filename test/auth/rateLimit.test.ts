import { env } from "cloudflare:workers";
import { expect, it, onTestFinished, vi } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { laterBy } from "../support/clock.ts";
import { ok, refused } from "../support/client.ts";
import { newOrgToken, newWorld } from "../support/world.ts";

it("a dead token that comes too often is turned away, and the log says so once a minute", async () => {
  const world = await newWorld();
  const token = await newOrgToken(world, "ci");
  await ok("DELETE", `/api/orgs/acme/tokens/${token.id}`, { token: world.admin });
  const spy = vi.spyOn(env.FAILED_CREDENTIALS, "limit").mockResolvedValue({ success: false });
  onTestFinished(() => spy.mockRestore());
  const flood = async () => {
    for (let i = 0; i < 5; i++) await refused(429, "GET", "/api/user", { token: token.tokenValue });
  };
  // A round minute, so that the flood does not run over its end.
  laterBy(60_000 - (Date.now() % 60_000));
  const first = await eventsOf(flood);
  expect(first).toMatchObject([
    { event: "auth-failure-rate-limit", tokenId: token.id, tokenName: "ci", userLogin: "acme", authFailure: true },
  ]);
  laterBy(60_000);
  expect(await eventsOf(flood)).toHaveLength(1);
});
