import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, newOrgToken } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { yamlProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { runScript } from "./support/script.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

describe("a rotation of the master key, with `npm run rotate-keys`", () => {
  const password = newSecret();
  const [first, second] = [1, 2].map((id) => `${id}:${randomBytes(32).toString("base64url")}`) as [string, string];
  let server: Server;
  let runner: Terminal;

  beforeAll(async () => {
    server = await startBuiltServer("rotated-server");
    await restartWith(first);
    const { url } = server;
    const admin = server.credentials.organizations["acme"]!["admin"]!;
    const token = await newOrgToken("rotating", { url, admin });
    runner = new Terminal({ project: yamlProject("rotated"), token: token.value, url });
    const connection = { kind: "github", name: "GitHub", clientId: "c", clientSecret: newSecret() };
    await ask("POST", "/api/orgs/acme/sso/connections", { token: admin, url, json: connection });
    await runner.pulumi("stack", "init", "acme/rotated/dev");
    await runner.pulumi("config", "set", "--secret", "password", password);
    await runner.pulumi("up", "--yes", "--skip-preview");
  });
  afterAll(() => server?.stop());

  async function restartWith(keys: string): Promise<void> {
    await server.stop();
    const file = join(server.persistTo, "secrets.env");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^ENCRYPTION_KEYS=.*$/m, `ENCRYPTION_KEYS=${keys}`));
    await server.run();
  }

  const rotate = (org = "acme", token = server.credentials.organizations["acme"]!["admin"]!) =>
    runScript("rotate-keys", ["--url", server.url, "--org", org], { PULUMI_ACCESS_TOKEN: token });

  const keysOfState = async () => {
    const text = await runner.pulumi("stack", "export");
    const ciphertexts = [...text.matchAll(/"ciphertext": *"([^"]+)"/g)].map((match) => Buffer.from(match[1]!, "base64"));
    return ciphertexts.map((bytes) => bytes[1]);
  };
  const keyOfConfig = () => {
    const [, text] = /secure: (\S+)/.exec(readFileSync(join(runner.project, "Pulumi.dev.yaml"), "utf8"))!;
    return Buffer.from(text!, "base64")[1];
  };
  const showsAll = async () => {
    expect(await runner.pulumi("config", "get", "password")).toBe(`${password}\n`);
    expect(await runner.json("stack", "output", "--json", "--show-secrets")).toMatchObject({ password });
  };

  it("leaves everything readable when a new key stands in front", async () => {
    expect(new Set(await keysOfState())).toEqual(new Set([1]));
    await restartWith(`${second},${first}`);
    await showsAll();
    expect(keyOfConfig()).toBe(1);
    await runner.pulumi("config", "set", "--secret", "other", newSecret());
  });

  it("re-encrypts the state with it, once, and is refused to callers who are not administrators", async () => {
    const count = (await keysOfState()).length;
    expect(count).toBeGreaterThan(0);
    const refused = await rotate("acme", server.credentials.organizations["acme"]!["member"]!);
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining("permission") as string });
    const done = await rotate();
    expect(done).toMatchObject({ code: 0, output: expect.stringContaining(`${count} secrets re-encrypted`) as string });
    expect(done.output).toContain(`${count} were found under key 1`);
    expect(done.output).toMatch(/connections and audit streams +1 re-encrypted, 0 unchanged, 0 not readable/);
    expect(await keysOfState()).toEqual(Array.from({ length: count }, () => 2));
    expect(await runner.pulumi("stack", "history")).toContain(`under key 2`);
    const again = await rotate();
    expect(again).toMatchObject({ code: 0, output: expect.stringContaining("0 secrets re-encrypted") as string });
    expect(again.output).toMatch(/connections and audit streams +0 re-encrypted, 1 unchanged, 0 not readable/);
    await showsAll();
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
    expect(new Set(await keysOfState())).toEqual(new Set([2]));
  });

  it("lets the old key be dropped once the configuration is set again", async () => {
    await runner.pulumi("config", "set", "--secret", "password", password);
    expect(keyOfConfig()).toBe(2);
    await restartWith(second);
    await showsAll();
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
    // Secrets from before the rotation cannot be decrypted any more, as docs/operate.md says.
    const old = await runner.run("stack", "export", "--version", "1", "--show-secrets");
    expect(old.code).not.toBe(0);
    expect(old.stdout).not.toContain(password);
  });
});
