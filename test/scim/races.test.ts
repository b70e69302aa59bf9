import { env } from "cloudflare:workers";
import { expect, inject, it, onTestFinished, vi } from "vitest";
import { call, ok } from "../support/client.ts";
import { newStack, newWorld } from "../support/world.ts";
import { good, newScimToken, patchOf, scimClient, userOf } from "./support/client.ts";

const rounds = inject("sizes").scimRaces;

it("no personal write is accepted after the answer to a deactivation", { timeout: 30_000 + rounds * 1200 }, async () => {
  const limits = [env.SCIM_REQUESTS, env.TOKEN_REQUESTS, env.ORGANIZATION_REQUESTS].map((limiter) =>
    vi.spyOn(limiter, "limit").mockResolvedValue({ success: true }),
  );
  onTestFinished(() => limits.forEach((limit) => limit.mockRestore()));
  const world = await newWorld();
  await ok("PATCH", "/api/orgs/acme/scim", { token: world.admin, json: { restoresTokens: true } });
  await newStack(world.member);
  const scim = scimClient(await newScimToken(world));
  const { id } = await good(scim, "POST", "/Users", userOf("mel"));
  const set = (active: boolean) => good(scim, "PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "active", value: active }));
  const write = (value: string) => call("PATCH", "/api/stacks/acme/web/dev/tags", { token: world.member, json: { t: value } });

  for (let round = 0; round < rounds; round++) {
    // The identity is cached, and some writes are under way.
    expect((await write(`warm ${round}`)).status).toBeLessThan(300);
    let answered = false;
    const late: number[] = [];
    const racing = Array.from({ length: 3 }, async (_, i) => {
      for (let n = 0; n < 3; n++) {
        const begun = answered;
        const { status } = await write(`${round} ${i} ${n}`);
        if (begun) late.push(status);
      }
    });
    await set(false);
    answered = true;
    const stored = await env.DB.prepare("SELECT value FROM stack_tags WHERE name = 't'").first<string>("value");
    const { status } = await write(`late ${round}`);
    await Promise.all(racing);
    expect([status, ...late].filter((one) => one !== 403)).toEqual([]);
    expect(await env.DB.prepare("SELECT value FROM stack_tags WHERE name = 't'").first<string>("value")).toBe(stored);
    await set(true);
  }
});
