import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { laterBy } from "../support/clock.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

const DAY = 86_400_000;

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

/** Sets an edition as an operator does, in the database. */
const setEdition = (edition: string | null) =>
  env.DB.prepare("UPDATE organizations SET edition = ?, settings_version = settings_version + 1 WHERE name = 'acme'").bind(edition).run();

const metadata = () =>
  ok<Record<string, unknown> & { features: Record<string, boolean> }>("GET", "/api/orgs/acme/metadata", { token: world.admin });
const readLog = () => ok("GET", "/api/orgs/acme/auditlogs/v2", { token: world.admin });

describe("a trial", () => {
  it("gives everything for 14 days, and takes nothing away at its end", async () => {
    await setEdition("community");
    const token = await newOrgToken(world, "jenkins");
    await newStack(token.tokenValue);
    await readLog();
    const during = await metadata();
    const end = Number(during["subscriptionTrialEnd"]);
    expect(end * 1000 - Date.now()).toBeGreaterThan(13 * DAY);
    expect(end * 1000 - Date.now()).toBeLessThanOrEqual(14 * DAY);
    expect(during).toMatchObject({
      product: "community",
      subscriptionStatus: "trialing",
      auditLogsEnabled: true,
      features: { machineTokensEnabled: true, auditLogsEnabled: true },
    });

    laterBy(14 * DAY + 1000);
    expect(await refused(403, "POST", "/api/orgs/acme/tokens", { token: world.admin, json: { name: "late" } })).toMatch(
      /^Organization access tokens can be created only in organizations with an Enterprise or Business Critical subscription/,
    );
    expect(await refused(400, "GET", "/api/orgs/acme/auditlogs", { token: world.admin })).toBe(
      "Audit Logs is available only to organizations with an Enterprise subscription.",
    );
    expect(await refused(400, "GET", "/api/orgs/acme/auditlogs/v2", { token: world.admin })).toMatch(/^Audit Logs is available only/);
    expect(await metadata()).toMatchObject({
      product: "community",
      subscriptionStatus: "active",
      subscriptionTrialEnd: end,
      auditLogsEnabled: false,
      features: { machineTokensEnabled: false, auditLogsEnabled: false },
    });

    // Tokens that exist already still work.
    await newStack(token.tokenValue, "web", "later");
    const { tokens } = await ok<{ tokens: { name: string }[] }>("GET", "/api/orgs/acme/tokens", { token: world.admin });
    expect(tokens.map((one) => one.name)).toEqual(["jenkins"]);
    await ok("DELETE", `/api/orgs/acme/tokens/${token.id}`, { token: world.admin });
    // A caller who may not create tokens in any edition is told about the missing right, and not about the edition.
    expect(await refused(403, "POST", "/api/orgs/acme/tokens", { token: world.member, json: { name: "x" } })).toMatch(/permission/);

    // Events were recorded meanwhile, and after an upgrade the log shows them at once.
    await setEdition("enterprise");
    await newOrgToken(world, "after");
    await readLog();
    const after = await metadata();
    expect(after).toMatchObject({ product: "enterprise", subscriptionStatus: "active", auditLogsEnabled: true });
    expect(after).not.toHaveProperty("subscriptionTrialEnd");
  });

  it("lasts as long as an operator says", async () => {
    await setEdition("team");
    await env.DB.prepare("UPDATE organizations SET trial_ends_at = ?, settings_version = settings_version + 1 WHERE name = 'acme'")
      .bind(Date.now() + 60 * DAY)
      .run();
    laterBy(59 * DAY);
    await newOrgToken(world, "jenkins");
    expect(await metadata()).toMatchObject({ product: "team-pro", subscriptionStatus: "trialing" });
  });
});

it("without an edition of its own an organization has the deployment's, which is everything unless set", async () => {
  laterBy(1000 * DAY);
  await newOrgToken(world, "jenkins");
  await readLog();
  expect(await metadata()).toMatchObject({ product: "enterprise", subscriptionStatus: "active" });
});
