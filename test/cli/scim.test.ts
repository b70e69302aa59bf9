import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, newOrgToken, request } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { type Program, gateOf, nodeProject } from "./support/programs.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

const program: Program = {
  things: [
    { name: "held", props: { gate: "gate" } },
    { name: "after", dependsOn: ["held"] },
  ],
};

let server: Server;
beforeAll(async () => {
  server = await startBuiltServer("scim");
});
afterAll(() => server.stop());

it("a person leaves in the middle of two updates: the pipeline goes on, the person's own update ends", async () => {
  const { url } = server;
  const { admin: ada, member: mel } = server.credentials.organizations["acme"]! as { admin: string; member: string };
  await request("PATCH", "/api/orgs/acme/members/mel", { token: ada, url, json: { role: "admin" } });
  await ask("PATCH", "/api/orgs/acme", { token: ada, url, json: { setInFlightRevocation: "abort" } });
  const jenkins = await newOrgToken("jenkins", { url, admin: ada });
  const scim = await ask<{ tokenValue: string }>("POST", "/api/orgs/acme/scim/tokens", { token: ada, url, json: { name: "okta" } });

  const start = async (name: string, token: string) => {
    const terminal = new Terminal({ project: nodeProject(name, program), token, url });
    await terminal.pulumi("stack", "init", "acme/dev");
    const gate = gateOf(terminal.project);
    const up = terminal.start("up", "--yes", "--skip-preview");
    await up.until("the held resource", gate.reached);
    return { terminal, gate, up };
  };
  const pipeline = await start("of-jenkins", jenkins.value);
  const personal = await start("of-ada", ada);

  const provider = async (method: string, path: string, json: unknown) => {
    const answer = await fetch(`${url}/scim/v2/acme${path}`, {
      method,
      headers: { Authorization: `Bearer ${scim.tokenValue}`, "Content-Type": "application/scim+json" },
      body: JSON.stringify(json),
    });
    expect(answer.status).toBeLessThan(300);
    return (await answer.json()) as { id: string; active: boolean };
  };
  const { id } = await provider("POST", "/Users", { userName: "ada", externalId: "00u1", active: true });
  expect((await provider("PATCH", `/Users/${id}`, { Operations: [{ op: "replace", value: { active: false } }] })).active).toBe(false);
  pipeline.gate.open();
  personal.gate.open();

  const finished = await pipeline.up.ended;
  expect(finished.code, `${finished.stdout}\n${finished.stderr}`).toBe(0);
  await pipeline.terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");

  expect((await personal.up.ended).code).not.toBe(0);
  expect((await personal.terminal.fails("up", "--yes", "--skip-preview")).output).toContain(
    "Your account was deactivated by the identity provider of organization acme",
  );
  const events = () =>
    ask<{ auditLogEvents: { description: string; tokenName?: string }[] }>("GET", "/api/orgs/acme/auditlogs/v2?maxResults=100", {
      token: mel,
      url,
    });
  await expect
    .poll(async () => (await events()).auditLogEvents.map(({ tokenName, description }) => `${tokenName}: ${description}`))
    .toContain('okta: Deactivated user "ada" (external id "00u1"): account ada has no access any more.');
});
