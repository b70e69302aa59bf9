import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ask } from "./support/api.ts";
import { Migration, type Side, type Sides, ciphertextsIn, oddState, startSides, withoutPlace } from "./support/migration.ts";
import { yamlProject } from "./support/programs.ts";
import { Random } from "./support/random.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

const PASSPHRASE = newSecret();
/** Secrets of the service's stack, of the passphrase's stack, and of the state that no CLI has written. */
const [SERVICE, LOCAL, ODD] = [newSecret(), newSecret(), newSecret()];
const tags = { team: "größe", "odd:tag": "a=b c" };

let sides: Sides;
let source: Side;
let target: Side;
/** A checkout with the two programs. */
let checkout: string;
let migration: Migration;
const terminals: Record<string, Terminal> = {};
const there = () => ["--from", source.url, "--to", target.url, "--org", "acme"];

beforeAll(async () => {
  sides = await startSides("migrate");
  ({ source, target } = sides);
  checkout = mkdtempSync(join(inject("directory"), "checkout-"));
  const env = { PULUMI_CONFIG_PASSPHRASE: PASSPHRASE };
  await Promise.all(
    [
      { name: "shop", secret: SERVICE, init: [] },
      { name: "vault", secret: LOCAL, init: ["--secrets-provider", "passphrase"] },
    ].map(async ({ name, secret, init }) => {
      const project = join(checkout, "programs", name);
      mkdirSync(project, { recursive: true });
      writeFileSync(join(project, "Pulumi.yaml"), readFileSync(join(yamlProject(name), "Pulumi.yaml")));
      const terminal = new Terminal({ project, url: source.url, token: source.token, env });
      terminals[name] = terminal;
      await terminal.pulumi("stack", "init", "acme/" + name + "/dev", ...init);
      await terminal.pulumi("config", "set", "--secret", "password", secret);
      await terminal.pulumi("config", "set", "--path", "plain.text[0]", "a # value");
      await terminal.pulumi("up", "--yes", "--skip-preview");
    }),
  );
  await source.newStack("odd", "state", undefined, tags);
  const ciphertexts = await source.seal("acme/odd/state", [JSON.stringify(ODD), `[9007199254740993, "${ODD}"]`]);
  const provider = source.serviceProvider("odd", "state");
  await source.import("acme/odd/state", oddState({ project: "odd", stack: "state", resources: 12, ciphertexts, provider, pending: true }));
  await source.newStack("odd", "never-updated");
  migration = new Migration({ ...env, MIGRATE_FROM_TOKEN: source.token, MIGRATE_TO_TOKEN: target.token });
});
afterAll(() => sides.stop());

describe("from one server to another", () => {
  it("lists what would come, and changes nothing", async () => {
    const { code, output } = await migration.run(...there());
    expect(output).toContain("acme/odd/state comes: 13 resources, 2 secrets");
    expect(output).toContain("1 pending operations come with it");
    expect(output).toContain("4 stacks would come, 0 are there already, 0 cannot come.");
    expect(code).toBe(0);
    expect(await target.stacks()).toEqual([]);
  });

  it("killed at a random moment, it continues, and brings each stack as it was", async () => {
    const random = new Random(inject("seed"), 19);
    const args = [...there(), "--yes", "--checkout", checkout, "--preview", "--parallel", "2"];
    const { child, ended } = migration.start(args, (output) => {
      if (output.includes("4 stacks")) void wait(random.below(1500)).then(() => child.kill("SIGKILL"));
    });
    await ended;
    const { code, output } = await migration.run(...args);
    expect(code, output).toBe(0);
    expect(output).toContain("4 of 4 stacks are at");
    expect((await target.stacks()).sort()).toEqual(["odd/never-updated", "odd/state", "shop/dev", "vault/dev"]);

    for (const path of ["acme/odd/state", "acme/shop/dev", "acme/vault/dev"])
      expect(withoutPlace(await target.export(path)), path).toBe(withoutPlace(await source.export(path)));
    // The client's own provider encrypts these secrets, so nothing at all changes.
    expect(await target.export("acme/vault/dev")).toBe(await source.export("acme/vault/dev"));
    const odd = await target.export("acme/odd/state");
    const ciphertexts = ciphertextsIn(odd);
    expect(await target.open("acme/odd/state", ciphertexts)).toEqual([JSON.stringify(ODD), `[9007199254740993, "${ODD}"]`]);
    expect(odd).toContain(`"secrets_providers":${target.serviceProvider("odd", "state")}`);
    const { tags: found } = await ask<{ tags: object }>("GET", "/api/stacks/acme/odd/state", target);
    expect(found).toMatchObject(tags);
  });

  it("the programs of the checkout go on there", async () => {
    for (const [name, secret] of Object.entries({ shop: SERVICE, vault: LOCAL })) {
      const terminal = terminals[name]!.with({ url: target.url, token: target.token });
      expect((await terminal.pulumi("config", "get", "password", "--stack", `acme/${name}/dev`)).trim()).toBe(secret);
      const { password } = await terminal.json<{ password: string }>(
        "stack",
        "output",
        "--json",
        "--show-secrets",
        "--stack",
        `acme/${name}/dev`,
      );
      expect(password).toBe(secret);
      await terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", "--stack", `acme/${name}/dev`);
    }
    expect(readFileSync(join(checkout, "programs/shop/Pulumi.dev.yaml"), "utf8")).toContain("a # value");
  });

  it("a stack that is equal is left alone; one that differs is refused without --overwrite", async () => {
    // The `up` before has changed the version at the target, but no resource.
    const again = await migration.run(...there(), "--yes", "--stack", "odd/state", "--stack", "odd/never-updated");
    expect(again).toMatchObject({ code: 0 });
    expect(again.output).toContain("0 came now");
    const { version } = await ask<{ version: number }>("GET", "/api/stacks/acme/odd/state", target);
    expect(version).toBe(1);

    const changed = (await target.export("acme/odd/state")).replace("größe-日本-3", "other");
    await target.import("acme/odd/state", changed);
    const refused = await migration.run(...there(), "--yes", "--stack", "odd/state", "--stack", "odd/never-updated");
    expect(refused.code).toBe(1);
    expect(refused.output).toContain(
      "is not equal (resource 5 (urn:pulumi:state::odd::test:index:Ding::größe-日本-3) differs). --overwrite replaces it",
    );
    expect(refused.output).toContain("1 of 2 stacks are at");
    expect(await target.export("acme/odd/state")).toBe(changed);
    expect(await migration.run(...there(), "--yes", "--stack", "odd/state", "--overwrite")).toMatchObject({ code: 0 });
    expect(withoutPlace(await target.export("acme/odd/state"))).toBe(withoutPlace(await source.export("acme/odd/state")));
  });

  it("says why a stack cannot come, and brings the others", async () => {
    const locked = new Migration({ MIGRATE_FROM_TOKEN: source.token, MIGRATE_TO_TOKEN: target.token });
    const { code, output } = await locked.run(...there(), "--secrets", "service");
    expect(output).toContain(
      "acme/vault/dev cannot come: PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE is needed for its secrets",
    );
    expect(output).toContain("1 cannot come");
    expect(code).toBe(1);
    const wrong = new Migration({ MIGRATE_FROM_TOKEN: source.token, MIGRATE_TO_TOKEN: "pul-no-such-token" });
    expect(await wrong.run(...there())).toMatchObject({ code: 1, output: expect.stringContaining("the server answered 401") as string });
  });
});

describe("out to a folder, and in again", () => {
  let folder: string;
  const out = () => ["--from", target.url, "--to", `file://${folder}`, "--org", "acme"];
  beforeAll(() => {
    folder = mkdtempSync(join(inject("directory"), "bucket-"));
    migration = new Migration({ PULUMI_CONFIG_PASSPHRASE: PASSPHRASE, MIGRATE_FROM_TOKEN: target.token, MIGRATE_TO_TOKEN: source.token });
  });

  it("a preview shows no change there, and what the CLI drops or rounds is said", async () => {
    const dry = await migration.run(...out());
    expect(dry.output).toContain(
      "acme/odd/state → organization/odd/state cannot come: it has 1 pending operations, which the CLI's import drops.",
    );
    expect(dry.code).toBe(1);
    const { code, output } = await migration.run(...out(), "--yes", "--without-pending", "--checkout", checkout);
    expect(code, output).toBe(0);
    expect(output).toContain("14 numbers do not fit a double");
    for (const [name, secret] of Object.entries({ shop: SERVICE, vault: LOCAL })) {
      const terminal = terminals[name]!.with({ url: `file://${folder}`, token: undefined });
      const { password } = await terminal.json<{ password: string }>("stack", "output", "--json", "--show-secrets", "--stack", "dev");
      expect(password).toBe(secret);
      expect((await terminal.pulumi("config", "get", "password", "--stack", "dev")).trim()).toBe(secret);
      await terminal.pulumi("preview", "--expect-no-changes", "--stack", "dev");
    }
    expect((await migration.run(...out(), "--yes", "--without-pending")).output).toContain("0 came now");
  });

  it("and from the folder into an organization of another name, under the server's own provider", async () => {
    const back = new Migration({
      PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
      MIGRATE_TO_TOKEN: sides.globex.source,
    });
    const globex = source.with(sides.globex.source);
    const args = [
      "--from",
      `file://${folder}`,
      "--to",
      source.url,
      "--to-org",
      "globex",
      "--secrets",
      "service",
      "--yes",
      "--checkout",
      checkout,
    ];
    const { code, output } = await back.run(...args);
    expect(code, output).toBe(0);
    for (const [name, secret] of Object.entries({ shop: SERVICE, vault: LOCAL })) {
      expect(await globex.export(`globex/${name}/dev`)).toContain('"type":"service"');
      const terminal = terminals[name]!.with({ url: globex.url, token: globex.token, env: {} });
      expect((await terminal.pulumi("config", "get", "password", "--stack", `globex/${name}/dev`)).trim()).toBe(secret);
      expect(readFileSync(join(checkout, "programs", name, "Pulumi.dev.yaml"), "utf8")).not.toContain("encryptionsalt");
    }
  });

  it("no file that the program or its CLI has written has a secret", () => {
    for (const name of readdirSync(inject("directory")).filter((entry) => entry.startsWith("migration-"))) {
      const files = readdirSync(join(inject("directory"), name), { recursive: true, encoding: "utf8", withFileTypes: true });
      for (const file of files.filter((entry) => entry.isFile())) {
        const path = join(file.parentPath, file.name);
        const text = readFileSync(path, "latin1");
        for (const secret of [SERVICE, LOCAL, ODD, PASSPHRASE]) expect(text.includes(secret), path).toBe(false);
      }
    }
  });
});
