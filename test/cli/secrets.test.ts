import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { type OrgToken, auditOf, newOrgToken, request } from "./support/api.ts";
import { hasStash, isAtLeast, yamlProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

const people = inject("people");
const ada = people["acme"]!["admin"]!;

describe("secrets of a stack, wherever they are read", () => {
  const [password, key] = [newSecret(), newSecret()];
  let token: OrgToken;
  let runner: Terminal;
  /** A terminal that reads the outputs of the runner's stack. */
  let reader: Terminal;

  const readFrom = (source: string) => {
    const resources = { source: { type: "pulumi:pulumi:StackReference", properties: { name: source } } };
    const outputs = { password: '${source.outputs["password"]}' };
    writeFileSync(join(reader.project, "Pulumi.yaml"), JSON.stringify({ name: "reader", runtime: "yaml", resources, outputs }));
  };
  const expectReadable = async (terminal: Terminal, stack: string) => {
    expect(await terminal.pulumi("config", "get", "password", "--stack", stack)).toBe(`${password}\n`);
    expect(await terminal.pulumi("stack", "output", "password", "--show-secrets", "--stack", stack)).toBe(`${password}\n`);
  };

  beforeAll(async () => {
    token = await newOrgToken("vault");
    runner = new Terminal({ project: yamlProject("vault"), token: token.value });
    reader = new Terminal({ project: yamlProject("reader"), token: token.value });
    await runner.pulumi("stack", "init", "acme/vault/dev");
    await reader.pulumi("stack", "init", "acme/reader/dev");
  });

  it("pulumi config shows them when asked, and the file holds them only encrypted", async () => {
    await runner.pulumi("config", "set", "--secret", "password", password);
    await runner.pulumi("config", "set", "--secret", "--path", "keys.main", key);
    const file = readFileSync(join(runner.project, "Pulumi.dev.yaml"), "utf8");
    expect(file).toMatch(/secure: /);
    const masked = await runner.pulumi("config");
    const shown = await runner.pulumi("config", "--show-secrets");
    for (const secret of [password, key]) {
      expect(file).not.toContain(secret);
      expect(masked).not.toContain(secret);
      expect(shown).toContain(secret);
    }
    expect(await runner.pulumi("config", "get", "password")).toBe(`${password}\n`);
  });

  it("outputs and exports too", async () => {
    await runner.pulumi("up", "--yes", "--skip-preview");
    expect(await runner.pulumi("stack", "output", "--json")).not.toContain(password);
    expect(await runner.json("stack", "output", "--json", "--show-secrets")).toMatchObject({ password });
    expect(await runner.pulumi("stack", "export")).not.toContain(password);
    expect(await runner.pulumi("stack", "export", "--show-secrets")).toContain(password);
    // The secrets that were shown are encrypted again when they are imported.
    const file = join(runner.project, "shown.json");
    await runner.pulumi("stack", "export", "--show-secrets", "--file", file);
    await runner.pulumi("stack", "import", "--file", file);
    expect(await runner.pulumi("stack", "export")).not.toContain(password);
    await expectReadable(runner, "dev");
  });

  it("another stack gets them as secrets, encrypted with its own key", async () => {
    readFrom("acme/vault/dev");
    await reader.pulumi("up", "--yes", "--skip-preview");
    expect(await reader.json("stack", "output", "--json")).toEqual({ password: "[secret]" });
    expect(await reader.json("stack", "output", "--json", "--show-secrets")).toEqual({ password });
    expect(await reader.pulumi("stack", "export")).not.toContain(password);
  });

  it("pulumi stack change-secrets-provider moves them to a passphrase and back", async () => {
    // The CLI asks for the new passphrase on a terminal; without a terminal it uses an empty one.
    const person = runner.with({ env: { PULUMI_CONFIG_PASSPHRASE: "" } });
    const providerOf = async () =>
      (await person.json<{ deployment: { secrets_providers: { type: string } } }>("stack", "export")).deployment.secrets_providers.type;
    await person.pulumi("stack", "change-secrets-provider", "passphrase");
    expect(await providerOf()).toBe("passphrase");
    await expectReadable(person, "dev");
    expect((await runner.fails("stack", "output", "--show-secrets")).output).toMatch(/passphrase/);
    await person.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
    await person.pulumi("stack", "change-secrets-provider", "default");
    expect(await providerOf()).toBe("service");
    await expectReadable(runner, "dev");
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
  });

  it("a rename and a transfer leave them readable, in state, configuration and history", async () => {
    await runner.pulumi("stack", "rename", "renamed");
    await expectReadable(runner, "renamed");
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
    readFrom("acme/vault/renamed");
    await reader.pulumi("up", "--yes", "--skip-preview");
    expect(await reader.json("stack", "output", "--json", "--show-secrets")).toEqual({ password });

    const member = "/api/orgs/globex/members/ada";
    await request("POST", member, { token: people["globex"]!["admin"]!, json: { role: "member" } });
    const moved = await request("POST", "/api/stacks/acme/vault/renamed/transfer", { token: ada, json: { toOrg: "globex" } });
    expect(moved.status).toBe(204);
    const person = runner.with({ token: ada });
    await expectReadable(person, "globex/vault/renamed");
    await person.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", "globex/vault/renamed");
    // Only the newest update is requested, because older releases fail at an update whose configuration a passphrase encrypted.
    const history = ["stack", "history", "--show-secrets", "--json", "--page-size", "1", "--stack", "globex/vault/renamed"];
    expect(await person.pulumi(...history)).toContain(password);
    expect((await runner.fails("stack", "output", "--show-secrets", "--stack", "globex/vault/renamed")).output).toContain("no stack named");
    await request("DELETE", member, { token: people["globex"]!["admin"]! });
  });
});

// Older releases decrypt each value of the configuration by itself, and several times.
it.runIf(isAtLeast(207))("each decryption is in the audit log, with how many values it gave away", async () => {
  const token = await newOrgToken("counted");
  const runner = new Terminal({ project: yamlProject("counted"), token: token.value, env: { PULUMI_CONFIG_PASSPHRASE: "" } });
  await runner.pulumi("stack", "init", "acme/counted/dev");
  for (const name of ["password", "one", "two"]) await runner.pulumi("config", "set", "--secret", name, newSecret());
  await runner.pulumi("config", "get", "one");
  await runner.pulumi("config", "--show-secrets");
  await runner.pulumi("up", "--yes", "--skip-preview");
  await runner.pulumi("stack", "output", "--show-secrets");
  await runner.pulumi("stack", "change-secrets-provider", "passphrase");
  await runner.pulumi("config", "get", "one");

  const decryptions = async () =>
    (await auditOf(token, "stack-created"))
      .filter(({ event }) => event.includes("decrypted"))
      .map(({ event, description }) => `${event}: ${description.replace(' of stack "acme/counted/dev"', "")}`);
  // The events are written a moment after the answer. The client reports every time that it shows secrets, even if it uses a passphrase.
  await expect
    .poll(decryptions)
    .toEqual([
      "secret-decrypted: Decrypted a secret.",
      'secret-decrypted: A client showed the secret "one".',
      "secrets-batch-decrypted: Decrypted 3 secrets.",
      'secrets-batch-decrypted: A client showed secrets for "pulumi config".',
      "secrets-batch-decrypted: Decrypted 3 secrets.",
      "secrets-batch-decrypted: Decrypted a secret.",
      'secrets-batch-decrypted: A client showed secrets for "pulumi stack output".',
      "secrets-batch-decrypted: Decrypted 3 secrets.",
      `secrets-batch-decrypted: Decrypted ${hasStash() ? "2 secrets" : "a secret"}.`,
      'secret-decrypted: A client showed the secret "one".',
    ]);
});
