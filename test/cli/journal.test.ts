import { mkdtempSync, readFileSync, readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, request } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { yamlProject } from "./support/programs.ts";
import { runScript } from "./support/script.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

const urn = (name: string) => `urn:pulumi:dev::kept::my:index:Thing::${name}`;
const resource = (name: string, more: object = {}) => ({ urn: urn(name), custom: false, type: "my:index:Thing", ...more });
const entry = (sequenceID: number, kind: number, more: object) => ({
  version: 1,
  kind,
  sequenceID,
  operationID: sequenceID,
  removeOld: null,
  removeNew: null,
  ...more,
});
/** Two resources have the same alias, so no state can be computed. */
const contradictory = [
  entry(1, 1, { state: resource("first", { aliases: [urn("old")] }) }),
  entry(2, 1, { state: resource("second") }),
  entry(3, 1, { state: resource("third", { aliases: [urn("old")] }) }),
  entry(4, 1, { state: resource("fourth") }),
];

describe("the operator, for an update whose journal was kept", () => {
  let server: Server;
  let admin: string;
  let where: string[];
  let id: string;
  const folder = mkdtempSync(join(tmpdir(), "stackpass-journal-"));
  const S = "/api/stacks/acme/kept/dev";

  beforeAll(async () => {
    server = await startBuiltServer("journal-server");
    admin = server.credentials.organizations["acme"]!["admin"]!;
    where = ["--local", "--persist-to", server.persistTo];
    const api = <T>(method: string, path: string, json: unknown) => ask<T>(method, path, { token: admin, url: server.url, json });
    await api("POST", "/api/stacks/acme/kept", { stackName: "dev" });
    await api("POST", `${S}/import`, { version: 3, deployment: { resources: [resource("before")] } });
    ({ updateID: id } = await api<{ updateID: string }>("POST", `${S}/update`, {}));
    const { token: lease } = await api<{ token: string }>("POST", `${S}/update/${id}`, { journalVersion: 1 });
    const sent = await fetch(`${server.url}${S}/update/${id}/journalentries`, {
      method: "PATCH",
      headers: { Authorization: `update-token ${lease}`, "Content-Type": "application/json" },
      body: JSON.stringify({ entries: contradictory }),
    });
    expect(sent.status).toBe(204);
    expect((await request("POST", `${S}/update/${id}/cancel`, { token: admin, url: server.url })).status).toBe(204);
    await server.stop();
  });
  afterAll(() => server?.stop());

  it("lists it", async () => {
    const { code, output } = await runScript("journal", ["list", ...where]);
    expect(code, output).toBe(0);
    expect(output).toMatch(new RegExp(`${id}  \\S+Z  unreadable  acme/kept/dev version 2, journal in 1 parts`));
    expect(output).toContain("1 journals were kept.");
  });

  it("downloads it as it came, into files that only the owner can read", async () => {
    const to = join(folder, "parts");
    const { code, output } = await runScript("journal", ["download", id, "--to", to, ...where]);
    expect(code, output).toBe(0);
    expect(readdirSync(to).toSorted()).toEqual(["1.json", "run.json"]);
    expect(JSON.parse(readFileSync(join(to, "1.json"), "utf8"))).toEqual({ entries: contradictory });
    for (const name of readdirSync(to)) expect(statSync(join(to, name)).mode & 0o777).toBe(0o600);
    expect(statSync(to).mode & 0o777).toBe(0o700);
  });

  it("is told which entry is at fault, and how to leave it out", async () => {
    const { code, output } = await runScript("journal", ["replay", id, ...where]);
    expect(code).toBe(1);
    expect(output).toContain(`Entry 3 (success of ${urn("third")}) is faulty: StateError: two resources`);
    expect(output).toContain(`npm run journal -- replay ${id} --without 3`);
  });

  it("makes the state without that entry, which the CLI then imports", async () => {
    const file = join(folder, "state.json");
    const { code, output } = await runScript("journal", ["replay", id, "--without", "3", "--to", file, ...where]);
    expect(code, output).toBe(0);
    expect(output).toContain("version 2 of acme/kept/dev would have had, without the entries 3.");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { deployment } = JSON.parse(readFileSync(file, "utf8")) as { deployment: { resources: { urn: string }[] } };
    expect(deployment.resources.map((one) => one.urn)).toEqual(["first", "second", "fourth", "before"].map(urn));

    await server.run();
    const runner = new Terminal({ project: yamlProject("kept"), token: admin, url: server.url });
    await runner.pulumi("stack", "select", "acme/kept/dev");
    await runner.pulumi("stack", "import", "--file", file);
    expect(await runner.pulumi("stack", "export")).toContain(urn("fourth"));
    await server.stop();
  });

  it("is told when there is no such journal, and how the command is used", async () => {
    const none = await runScript("journal", ["replay", crypto.randomUUID(), ...where]);
    expect(none).toMatchObject({ code: 1, output: expect.stringContaining("There is no kept journal") as string });
    for (const args of [
      ["download", id],
      ["replay", id, "--without", "x"],
    ])
      expect(await runScript("journal", [...args, ...where]), args.join(" ")).toMatchObject({ code: 2 });
  });
});
