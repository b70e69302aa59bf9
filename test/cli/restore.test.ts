import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Storage, withStorage } from "../../scripts/bindings.ts";
import { type OrgToken, ask, newOrgToken, request } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { yamlProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { runScript } from "./support/script.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

const S = "/api/stacks/acme/restored";
/** Keys that our code never makes, but that a forged bucket may contain. */
const odd = ["../../outside", "a/../../../outside", "a/./b", "a//b", "a/b", "/a", "a/%2E%2E/b", "b/.."];

describe("a restore drill: everything is copied, wiped and put back", () => {
  const password = newSecret();
  let server: Server;
  let runner: Terminal;
  let token: OrgToken;
  let admin: string;
  let copy: string;
  let where: string[];
  /** Rows of `members`, some columns of which the database's triggers derive from other tables. */
  let people: unknown;

  beforeAll(async () => {
    server = await startBuiltServer("restored-server");
    admin = server.credentials.organizations["acme"]!["admin"]!;
    copy = join(inject("directory"), "copy");
    where = ["--local", "--persist-to", server.persistTo];
    const { url } = server;
    token = await newOrgToken("restored", { url, admin });
    runner = new Terminal({ project: yamlProject("restored"), token: token.value, url });
    await runner.pulumi("stack", "init", "acme/restored/dev");
    await runner.pulumi("config", "set", "--secret", "password", password);
    await runner.pulumi("up", "--yes", "--skip-preview");
    await runner.pulumi("stack", "init", "acme/restored/busy", "--no-select");
  });
  afterAll(() => server?.stop());

  const peopleIn = async ({ DB }: Storage) => (await DB.prepare("SELECT * FROM members ORDER BY org_id, user_id").all()).results;
  const api = <T>(method: string, path: string, json?: unknown) => ask<T>(method, path, { token: admin, url: server.url, json });

  it("an organization's edition is promised to the audit log", async () => {
    const done = await runScript("edition", ["--org", "acme", "--edition", "business-critical", ...where]);
    expect(done).toMatchObject({ code: 0 });
    expect(await api("GET", "/api/orgs/acme/metadata")).toMatchObject({ product: "business-critical" });
  });

  it("is copied, with an update that runs", async () => {
    const { updateID } = await api<{ updateID: string }>("POST", `${S}/busy/update`, {
      name: "restored",
      runtime: "yaml",
      main: "",
      description: "",
      options: {},
      config: {},
      metadata: { message: "", environment: {} },
    });
    await api("POST", `${S}/busy/update/${updateID}`, { journalVersion: 1 });
    const role = await api<{ id: string }>("POST", "/api/orgs/acme/roles", {
      name: "reader",
      details: { __type: "PermissionDescriptorAllow", permissions: ["stack:read"] },
    });
    await api("POST", "/api/orgs/acme/teams/pulumi", { name: "restored" });
    const given = await request("POST", `/api/orgs/acme/teams/restored/roles/${role.id}`, { token: admin, url: server.url });
    expect(given.status).toBe(204);
    await server.stop();
    people = await withStorage(server.persistTo, peopleIn);
    expect(JSON.stringify(people)).toContain(role.id);
    await withStorage(server.persistTo, ({ STATE }) => Promise.all(odd.map((key) => STATE.put(key, key))));
    const done = await runScript("backup", ["--to", copy, ...where]);
    expect(done).toMatchObject({ code: 0, output: expect.stringContaining("objects are in") as string });
    const everything = readdirSync(copy, { recursive: true, withFileTypes: true });
    const modeOf = (path: string) => statSync(path).mode & 0o777;
    expect(modeOf(copy)).toBe(0o700);
    for (const entry of everything) expect(modeOf(join(entry.parentPath, entry.name)), entry.name).toBe(entry.isFile() ? 0o600 : 0o700);
    expect(existsSync(join(copy, "../outside"))).toBe(false);
    const all = everything.filter((file) => file.isFile());
    const texts = all.map((file) => readFileSync(join(file.parentPath, file.name), "utf8")).join("\n");
    // What the copy must not hold: values of tokens, secrets in the clear.
    for (const secret of [password, token.value, admin]) expect(texts).not.toContain(secret);
    // This is the event about the edition, which waits for the cron.
    const { org_id: orgId } = JSON.parse(readFileSync(join(copy, "tables/audit_heads.jsonl"), "utf8").split("\n")[0]!) as {
      org_id: string;
    };
    const promised = readFileSync(join(copy, "tables/audit_outbox.jsonl"), "utf8").trim().split("\n");
    const events = promised.map((line) => JSON.parse((JSON.parse(line) as { body: string }).body) as Record<string, unknown>);
    expect(events).toContainEqual(
      expect.objectContaining({
        orgId,
        event: "organization-settings-changed",
        description: "The operator of this deployment gave the organization edition business-critical.",
        reqOrgAdmin: true,
      }),
    );
    expect((await runScript("backup", ["--to", copy, ...where])).code, "over another copy").toBe(2);
  });

  it("is put into an empty deployment only, and only whole", async () => {
    expect(await runScript("restore", ["--from", copy, ...where])).toMatchObject({
      code: 2,
      output: expect.stringContaining("a copy can only be restored into an empty deployment") as string,
    });
    expect((await runScript("restore", ["--from", join(copy, "tables"), ...where])).code).toBe(2);
  });

  it("comes back as it was", async () => {
    rmSync(join(server.persistTo, "v3"), { recursive: true });
    expect(existsSync(join(server.persistTo, "v3"))).toBe(false);
    const done = await runScript("restore", ["--from", copy, ...where]);
    expect(done).toMatchObject({ code: 0, output: expect.stringContaining("is restored") as string });
    const read = ({ STATE }: Storage) => Promise.all(odd.map(async (key) => (await STATE.get(key))?.text()));
    expect(await withStorage(server.persistTo, read)).toEqual(odd);
    expect(await withStorage(server.persistTo, peopleIn)).toEqual(people);
    await server.run();

    expect(await runner.pulumi("whoami")).toContain("acme");
    expect(await runner.json("stack", "output", "--json", "--show-secrets")).toMatchObject({ password });
    expect(await runner.pulumi("config", "get", "password")).toBe(`${password}\n`);
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
    await runner.pulumi("config", "set", "--secret", "password", newSecret());
    await runner.pulumi("up", "--yes", "--skip-preview");
    const history = await runner.json<{ version: number; result: string }[]>("stack", "history", "--json");
    expect(history.map(({ version, result }) => [version, result])).toEqual([3, 2, 1].map((version) => [version, "succeeded"]));
    await runner.pulumi("stack", "export", "--version", "1");
  });

  it("has an audit log that goes on where it was, every record in its place", async () => {
    const { valid, verified } = await api<{ valid: boolean; verified: number }>("GET", "/api/orgs/acme/auditlogs/verify");
    expect(valid).toBe(true);
    expect(verified).toBeGreaterThan(5);
    const { auditLogEvents } = await api<{ auditLogEvents: { event: string; description: string }[] }>(
      "GET",
      "/api/orgs/acme/auditlogs/v2?maxResults=100",
    );
    expect(auditLogEvents.map(({ event }) => event)).toEqual(
      expect.arrayContaining(["organization-token-created", "stack-update-completed"]),
    );
  });

  it("has lost the update that ran: the next one takes its place", async () => {
    await runner.pulumi("stack", "select", "acme/restored/busy");
    await runner.pulumi("config", "set", "--secret", "password", newSecret());
    await runner.pulumi("up", "--yes", "--skip-preview");
    const history = await runner.json<{ version: number; result: string }[]>("stack", "history", "--json");
    expect(history.map(({ version, result }) => [version, result])).toEqual([[1, "succeeded"]]);
    // The update is no longer in the history; the log says what became of it.
    await expect
      .poll(async () => {
        const path = "/api/orgs/acme/auditlogs/v2?stackFilter=restored/busy&eventFilter=stack-update-completed";
        const { auditLogEvents } = await api<{ auditLogEvents: { description: string }[] }>("GET", path);
        return auditLogEvents.map(({ description }) => description);
      })
      .toContainEqual(expect.stringContaining("Its client never received the start") as string);
  });

  it("a token that is deleted after the restore is dead, as ever", async () => {
    const { status } = await request("DELETE", `/api/orgs/acme/tokens/${token.id}`, { token: admin, url: server.url });
    expect(status).toBe(204);
    expect((await runner.run("stack", "init", "acme/restored/late", "--no-select")).code).not.toBe(0);
  });

  it("a copy of another release is refused", async () => {
    const file = join(copy, "backup.json");
    const text = readFileSync(file, "utf8");
    rmSync(file);
    appendFileSync(file, text.replace(/"newestMigration": "\d+/, '"newestMigration": "9999'));
    expect(await runScript("restore", ["--from", copy, ...where])).toMatchObject({
      code: 2,
      output: expect.stringContaining("the release that created it") as string,
    });
  });
});

it("`npm run rotate-keys` goes on when something in between answers in words of its own", async () => {
  const stacks = [{ projectName: "web", stackName: "dev" }];
  const server = createServer((incoming, outgoing) => {
    if (incoming.method === "GET") outgoing.setHeader("Content-Type", "application/json").end(JSON.stringify({ stacks }));
    else outgoing.writeHead(502, { "Content-Type": "text/html" }).end("<h1>Bad gateway</h1>");
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const done = await runScript("rotate-keys", ["--url", url, "--org", "acme"], { PULUMI_ACCESS_TOKEN: "pul-x" });
  expect(done.code).toBe(1);
  expect(done.output).toMatch(/web\/dev +502 Bad Gateway/);
  expect(done.output).toContain("1 stacks are left");
  server.close();
  server.closeAllConnections();
  const gone = await runScript("rotate-keys", ["--url", url, "--org", "acme"], { PULUMI_ACCESS_TOKEN: "pul-x" });
  expect(gone).toMatchObject({ code: 2, output: expect.stringContaining("no answer") as string });
});
