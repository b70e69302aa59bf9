import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { settledLog } from "../support/audit.ts";
import { call, ok } from "../support/client.ts";
import { component, creates } from "../support/deployment.ts";
import { everythingStored } from "../support/stored.ts";
import { type NewToken, newOrgToken, newStack, newTeamToken, newWorld, startUpdate } from "../support/world.ts";

it("leaves no token, no lease and no secret in D1, KV, R2 or a stack's object, after all that can happen to them", async () => {
  const world = await newWorld();
  const ci = await newOrgToken(world, "ci");
  const dead = await newOrgToken(world, "dead");
  const personal = await ok<NewToken>("POST", "/api/user/tokens", { token: world.member });
  const team = await newTeamToken();
  const STACK_PATH = "/api/stacks/acme/web/dev";
  const secret = "correct horse battery staple";
  await newStack(ci.tokenValue);

  const { ciphertext } = await ok<{ ciphertext: string }>("POST", `${STACK_PATH}/encrypt`, {
    token: ci.tokenValue,
    json: { plaintext: btoa(secret) },
  });
  const { ciphertexts } = await ok<{ ciphertexts: string[] }>("POST", `${STACK_PATH}/batch-encrypt`, {
    token: team,
    json: { plaintexts: [btoa(secret)] },
  });
  await ok("POST", `${STACK_PATH}/decrypt`, { token: personal.tokenValue, json: { ciphertext } });
  await ok("POST", `${STACK_PATH}/batch-decrypt`, { token: ci.tokenValue, json: { ciphertexts } });

  const finished = await startUpdate(ci.tokenValue);
  const state = component("a", { password: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext } });
  await ok("PATCH", `${finished.path}/journalentries`, { lease: finished.lease, json: { entries: creates(state) } });
  await ok("POST", `${finished.path}/renew_lease`, { lease: finished.lease, json: { duration: 300 } });
  await ok("POST", `${finished.path}/complete`, { lease: finished.lease, json: { status: "succeeded" } });
  const running = await startUpdate(personal.tokenValue);
  await ok("PATCH", `${running.path}/journalentries`, { lease: running.lease, json: { entries: creates(state) } });

  await ok("DELETE", `/api/orgs/acme/tokens/${dead.id}`, { token: world.admin });
  for (const token of [dead.tokenValue, "pul-nonsense"]) expect((await call("GET", STACK_PATH, { token })).status).toBe(401);
  expect((await call("POST", "/api/orgs/acme/tokens", { token: ci.tokenValue, json: { name: "x" } })).status).toBe(403);
  await settledLog();

  const orgId = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
  const stored = await everythingStored([`${orgId}/web/dev`]);
  for (const seen of [ciphertext, running.id, "stack-update-started", '"token:']) expect(stored).toContain(seen.replace('"', ""));
  const values = [ci, dead, personal].map((token) => token.tokenValue).concat(team, world.admin, world.member);
  for (const value of values) {
    expect(stored).not.toContain(value.slice(4));
    expect(stored).not.toContain(value.slice(4, 24));
    expect(stored).not.toContain(value.slice(-24));
  }
  for (const { lease } of [finished, running]) for (const part of lease.split(".")) expect(stored).not.toContain(part);
  for (const plain of [secret, btoa(secret), btoa(secret).slice(0, 20)]) expect(stored).not.toContain(plain);
});
