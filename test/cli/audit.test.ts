import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, inject, it } from "vitest";
import { ask, auditOf, newOrgToken, request } from "./support/api.ts";
import { isAtLeast, yamlProject } from "./support/programs.ts";
import { Terminal } from "./support/terminal.ts";

const admin = () => inject("people")["acme"]!["admin"]!;
const root = fileURLToPath(new URL("../..", import.meta.url));

const verify = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts/audit-verify.ts"), ...args], { encoding: "utf8" });
  return { status, said: `${stdout}${stderr}`.trim() };
};

describe.runIf(isAtLeast(259))("pulumi org audit-log", () => {
  it("lists all pages, filters, and exports CSV and CEF", async () => {
    const token = await newOrgToken("audited");
    const machine = new Terminal({ project: yamlProject("audited"), token: token.value });
    await machine.pulumi("stack", "init", "acme/audited/dev");
    await machine.pulumi("stack", "init", "acme/audited/prod");
    await auditOf(token, "stack-created");
    const person = new Terminal({ project: yamlProject("audited"), token: admin() });
    const auditLog = (...args: string[]) => person.pulumi("org", "audit-log", ...args, "--org", "acme");

    // The first of the two may be in the log before the second.
    await expect.poll(() => auditLog("list", "--user", "acme", "--event-type", "stack-created", "--all")).toContain("acme/audited/prod");
    const listed = JSON.parse(await auditLog("list", "--count", "150", "--output", "json")) as Record<string, unknown>;
    expect(JSON.stringify(listed)).toContain("organization-token-created");
    expect((await person.fails("org", "audit-log", "list", "--org", "acme", "--user", "nobody")).output).toContain(
      "User 'nobody' not found",
    );

    const csv = await auditLog("export", "--event-type", "stack-created", "--user", "acme");
    expect(csv).toMatch(/^Timestamp,Name,Login,Event,Description,SourceIP,RequireOrgAdmin,/);
    expect(csv).toMatch(/,"acme","acme","Stack Created","Created stack ""acme\/audited\/prod""\.",/);
    expect(csv).not.toContain("Token Created");
    expect(await auditLog("export", "--format", "cef", "--event-type", "stack-created")).toMatch(
      /CEF:0\|Stackpass\|Stackpass\|1\|stack-created\|Stack Created\|3\|rt=/,
    );
  });
});

it("an export by curl is gzip on the wire, and the offline verifier knows a good file from a bad one", async () => {
  await newOrgToken("verified");
  await expect
    .poll(
      async () => (await ask<{ head: { sequence: number } }>("GET", "/api/orgs/acme/auditlogs/verify", { token: admin() })).head.sequence,
    )
    .toBeGreaterThan(0);
  // The local server's cron signs the day's checkpoint. If one was signed before, it names an earlier record.
  expect((await fetch(`${inject("url")}/cdn-cgi/handler/scheduled`)).status).toBe(200);
  // Fetch inflates an answer that is marked as gzip once: if it were compressed twice, this would not be text.
  const response = await request("GET", "/api/orgs/acme/auditlogs/v2/export?format=jsonl", { token: admin() });
  expect(response.headers.get("content-encoding")).toBe("gzip");
  const lines = (await response.text()).trim().split("\n");
  const file = join(mkdtempSync(join(tmpdir(), "stackpass-audit-")), "audit.jsonl");
  writeFileSync(file, lines.join("\n"));
  expect(verify(file)).toEqual({ status: 0, said: expect.stringMatching(new RegExp(`^good: records 1 to ${lines.length}, `)) as string });

  const checkpoints = join(dirname(file), "checkpoints.json");
  const listed = await ask<{ checkpoints: { day: string }[] }>("GET", "/api/orgs/acme/auditlogs/checkpoints", { token: admin() });
  writeFileSync(checkpoints, JSON.stringify(listed));
  const { keys } = await ask<{ keys: { keyId: string; publicKey: string }[] }>("GET", "/api/auditlogs/keys", { token: admin() });
  const { keyId, publicKey } = keys[0]!;
  const day = listed.checkpoints[0]!.day;
  const signed = { status: 0, said: expect.stringContaining(`, as signed on ${day}`) as string };
  for (const key of [publicKey, `${keyId}:${publicKey}`]) expect(verify(file, "--checkpoints", checkpoints, "--key", key)).toEqual(signed);
  // Verifying many signatures takes long, and no line of the log is lost meanwhile.
  writeFileSync(checkpoints, JSON.stringify({ checkpoints: Array.from({ length: 1000 }, () => listed.checkpoints[0]) }));
  expect(verify(file, "--checkpoints", checkpoints, "--key", publicKey)).toEqual(signed);
  writeFileSync(checkpoints, JSON.stringify(listed.checkpoints[0]));
  expect(verify(file, "--checkpoint", checkpoints, "--key", publicKey)).toEqual(signed);
  expect(verify(file, "--checkpoints", checkpoints, "--key", `other:${publicKey}`)).toEqual({
    status: 1,
    said: `the checkpoint of ${day} CANNOT BE VERIFIED: no public key ${keyId} was given`,
  });
  expect(verify(file, "--checkpoints", checkpoints).status).toBe(2);
  writeFileSync(checkpoints, "{}");
  expect(verify(file, "--checkpoints", checkpoints, "--key", publicKey)).toMatchObject({ status: 1 });

  writeFileSync(file, lines.map((line) => line.replace('"at":1', '"at":2')).join("\n"));
  expect(verify(file)).toEqual({ status: 1, said: expect.stringContaining("line 1, record 1") as string });
  expect(verify(file).said).toContain("ALTERED");
});
