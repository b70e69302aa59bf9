/**
 * Lowers the limits of src/limits.ts, so that the CLI reaches each of them with small states: `npm run test:secrets` does the same with
 * large secrets and the usual limits. The long form has every limit, once with the proxy of `npm run dev` in front of the Worker and once
 * without it.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type ManySecrets, missingSecret, secretText, writeSecretsProgram } from "./support/manySecrets.ts";
import { hasStash, isAtLeast } from "./support/programs.ts";
import { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

const limits = {
  json: 3000,
  stack: 300,
  config: 100_000,
  value: 60_000,
  import: 700_000,
  checkpoint: 900_000,
  batch: 200_000,
  resource: 300_000,
};
type Limit = keyof typeof limits;
const variables = Object.fromEntries(Object.entries(limits).map(([name, bytes]) => [`MAX_${name.toUpperCase()}_BYTES`, String(bytes)]));

it("each limit of the Worker is lowered here", () => {
  const source = readFileSync(join(import.meta.dirname, "../../src/limits.ts"), "utf8");
  const names = [...source.matchAll(/^  (\w+): \{ usual/gm)].map(([, name]) => name);
  expect(Object.keys(limits).toSorted()).toEqual(names.toSorted((a, b) => (a! < b! ? -1 : 1)));
});

/** The sentence that the CLI prints about a refusal. */
const refusal = (name: Limit) => new RegExp(`larger than ${limits[name]} bytes`);

/** Number of bytes of a secret that takes this many bytes in a state. */
const secretOf = (bytesInState: number) => Math.floor(((bytesInState - 300) * 3) / 4);
/** The largest secret without characters that JSON escapes: its quotation marks count. */
const LARGEST = limits.value - 2;

describe.each(["the proxy of npm run dev", "no proxy"].filter((behind) => inject("long") || behind === "no proxy"))(
  "with %s, the CLI reads what it has written at the limit of",
  (behind) => {
    let server: Server;
    let home: string;
    beforeAll(async () => {
      const directory = mkdtempSync(join(inject("directory"), "limits-"));
      home = mkdtempSync(join(inject("directory"), "home-"));
      server = await Server.start({
        directory: join(directory, "server"),
        vars: variables,
        ...(behind === "no proxy" && { bundle: inject("bundle") }),
      });
    });
    afterAll(() => server?.stop());

    const newTerminal = (env: Record<string, string> = {}): Terminal => {
      const project = mkdtempSync(join(inject("directory"), "project-"));
      return new Terminal({ project, token: server.credentials.organizations["acme"]!["admin"]!, url: server.url, env }, home);
    };
    const program = (terminal: Terminal, name: string, secrets: ManySecrets) =>
      writeSecretsProgram(terminal.project, inject("nodeModules"), name, secrets);
    const newSecrets = async (name: string, resources: number[][], env?: Record<string, string>): Promise<Terminal> => {
      const terminal = newTerminal(env);
      program(terminal, name, { resources });
      await terminal.pulumi("stack", "init", `acme/${name}/dev`);
      return terminal;
    };
    const up = (terminal: Terminal) => terminal.pulumi("up", "--yes", "--skip-preview");
    const upIsRefused = async (terminal: Terminal, limit: Limit) => {
      expect((await terminal.fails("up", "--yes", "--skip-preview")).output).toMatch(refusal(limit));
      // Release 3.140 may exit without completing its update. The command fails when the update is complete.
      if (!isAtLeast(207)) await terminal.run("cancel", "--yes");
    };

    /** Every command that reads a state with its secrets; in the short form two of them. */
    const expectReadable = async (terminal: Terminal, resources: number[][]) => {
      if (inject("long")) {
        expect(missingSecret(await terminal.pulumi("stack", "export", "--show-secrets"), resources)).toBeUndefined();
        await terminal.pulumi("preview", "--expect-no-changes");
        await terminal.pulumi("refresh", "--yes", "--skip-preview");
      }
      await terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
      expect(missingSecret(await terminal.pulumi("stack", "export", "--show-secrets"), resources)).toBeUndefined();
    };
    /** Expects that a refusal locks nothing: the stack still accepts an update within its limits, and can be deleted. */
    const expectUsable = async (terminal: Terminal, name: string, resources: number[][] = [[100]]) => {
      program(terminal, name, { resources });
      await up(terminal);
      await expectReadable(terminal, resources);
      await terminal.pulumi("destroy", "--yes", "--skip-preview");
      await terminal.pulumi("stack", "rm", "--yes");
    };

    it("a secret, in the state and in the configuration", async () => {
      const terminal = await newSecrets("value", [[LARGEST]]);
      await terminal.pulumi("config", "set", "--secret", "big", secretText(1, LARGEST));
      await up(terminal);
      await expectReadable(terminal, [[LARGEST]]);
      expect(await terminal.pulumi("config", "get", "big")).toBe(`${secretText(1, LARGEST)}\n`);

      const longer = await terminal.fails("config", "set", "--secret", "big", secretText(1, LARGEST + 1));
      expect(longer.output).toMatch(refusal("value"));
      program(terminal, "value", { resources: [[LARGEST + 1]] });
      await upIsRefused(terminal, "value");
      await expectUsable(terminal, "value");
    });

    it.runIf(inject("long"))("a secret of the configuration that is an input and an output", async () => {
      // A Stash keeps a secret three times, which is more than a journal entry may have here.
      const terminal = newTerminal({ PULUMI_DISABLE_JOURNALING: "true" });
      const secrets = { plain: secretText(0, LARGEST), escaped: "<".repeat(Math.floor(LARGEST / 6)) };
      const references = { plain: "${plain}", escaped: "${escaped}" };
      const yaml = {
        name: "used",
        runtime: "yaml",
        config: { plain: { type: "string" }, escaped: { type: "string" } },
        ...(hasStash() && { resources: { stash: { type: "pulumi:Stash", properties: { input: "${escaped}" } } } }),
      };
      const write = (outputs: object) => writeFileSync(join(terminal.project, "Pulumi.yaml"), JSON.stringify({ ...yaml, outputs }));
      write(references);
      await terminal.pulumi("stack", "init", "acme/used/dev");
      for (const [key, secret] of Object.entries(secrets)) {
        const longer = await terminal.fails("config", "set", "--secret", key, `${secret}${secret.slice(0, 1)}`);
        expect(longer.output).toMatch(refusal("value"));
        await terminal.pulumi("config", "set", "--secret", key, secret);
      }
      const outputs = () => terminal.json("stack", "output", "--json", "--show-secrets");
      await up(terminal);
      await terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
      expect(await outputs()).toEqual(secrets);

      write({ plain: "${plain}${escaped}" });
      // The CLI shows the error of an output of the stack and exits with code 0.
      const { stdout, stderr } = await terminal.run("up", "--yes", "--skip-preview");
      expect(stdout + stderr).toMatch(refusal("value"));
      expect(await outputs()).toEqual(secrets);
      write({ plain: "${plain}" });
      await up(terminal);
      expect(await outputs()).toEqual({ plain: secrets.plain });
      await terminal.pulumi("destroy", "--yes", "--skip-preview");
    });

    it.runIf(inject("long"))("a configuration", async () => {
      const terminal = newTerminal();
      const config = { a: { type: "string" }, b: { type: "string" } };
      const yaml = { name: "configured", runtime: "yaml", config, outputs: { a: "${a}", b: "${b}" } };
      writeFileSync(join(terminal.project, "Pulumi.yaml"), JSON.stringify(yaml));
      await terminal.pulumi("stack", "init", "acme/configured/dev");
      const [a, b] = [secretText(0, LARGEST), secretText(1, secretOf(limits.config - (limits.value * 4) / 3 - 2500))];
      await terminal.pulumi("config", "set", "--secret", "a", a);
      await terminal.pulumi("config", "set", "--secret", "b", b);
      await up(terminal);
      const outputs = () => terminal.json("stack", "output", "--json", "--show-secrets");
      expect(await outputs()).toEqual({ a, b });
      await terminal.pulumi("preview", "--expect-no-changes");
      await terminal.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes");
      await terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
      expect(await outputs()).toEqual({ a, b });
      const history = await terminal.pulumi("stack", "history", "--show-secrets", "--json", "--page-size", "1");
      for (const secret of [a, b]) expect(history.includes(secret)).toBe(true);

      await terminal.pulumi("config", "set", "--secret", "c", secretText(2, 3000));
      await upIsRefused(terminal, "config");
      await terminal.pulumi("config", "rm", "c");
      await terminal.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
      expect(await terminal.pulumi("config", "get", "b")).toBe(`${b}\n`);
      await terminal.pulumi("destroy", "--yes", "--skip-preview");
    });

    it("a batch of journal entries, of which the CLI makes halves", async () => {
      const many = Array.from({ length: 16 }, (_, i) => [i % 2 ? 30_000 : 5000]);
      const terminal = await newSecrets("batch", many);
      await up(terminal);
      await expectReadable(terminal, many);

      const oneEntry = [[LARGEST, LARGEST, LARGEST]];
      program(terminal, "batch", { resources: oneEntry });
      // A single entry cannot be halved. Older CLIs do not journal.
      if (isAtLeast(225)) await upIsRefused(terminal, "batch");
      const whole = await newSecrets("entry", oneEntry, { PULUMI_DISABLE_JOURNALING: "true" });
      await up(whole);
      expect(missingSecret(await whole.pulumi("stack", "export", "--show-secrets"), oneEntry)).toBeUndefined();
      await expectUsable(terminal, "batch");
    });

    it.runIf(inject("long"))("a resource, and a whole state", async () => {
      const env = { PULUMI_DISABLE_JOURNALING: "true" };
      const each = (limits.value * 4) / 3 + 300;
      const resource = (bytes: number) => [LARGEST, LARGEST, LARGEST, secretOf(bytes - 3 * each)];
      const terminal = await newSecrets("whole", [resource(limits.resource - 2500)], env);
      await up(terminal);
      await expectReadable(terminal, [resource(limits.resource - 2500)]);
      program(terminal, "whole", { resources: [resource(limits.resource + 2500)] });
      await upIsRefused(terminal, "resource");

      const state = (bytes: number) => {
        const one = each + 700;
        const count = Math.floor(bytes / one);
        return [...Array.from({ length: count }, () => [LARGEST]), [secretOf(bytes - count * one)]];
      };
      await expectUsable(terminal, "whole");

      const most = state(limits.checkpoint - 16_000);
      const full = await newSecrets("full", most, env);
      await up(full);
      await expectReadable(full, most);
      // Each removal is a pending operation first, and a state at the limit has no room for it, so the stack is removed by force.
      await full.pulumi("stack", "rm", "--yes", "--force");

      const larger = await newSecrets("larger", state(limits.checkpoint + 60_000), env);
      await upIsRefused(larger, "checkpoint");
      await larger.pulumi("stack", "export");
      await larger.pulumi("stack", "rm", "--yes", "--force");
    });

    it.runIf(inject("long"))("an import", async () => {
      const file = (terminal: Terminal) => join(terminal.project, "state.json");
      const small = Array.from({ length: 10 }, () => [48_000]);
      const large = Array.from({ length: 11 }, () => [48_000]);
      const terminal = await newSecrets("import", small, { PULUMI_DISABLE_JOURNALING: "true" });
      await up(terminal);
      await terminal.pulumi("stack", "export", "--file", file(terminal));
      await terminal.pulumi("stack", "import", "--file", file(terminal));
      await expectReadable(terminal, small);
      program(terminal, "import", { resources: large });
      await up(terminal);
      await terminal.pulumi("stack", "export", "--file", file(terminal));
      expect((await terminal.fails("stack", "import", "--file", file(terminal))).output).toMatch(refusal("import"));
      await expectReadable(terminal, large);
    });

    const tag = (i: number) => [`tag${i}`, `${i}`.padEnd(240, "x")] as const;
    const tagsOf = (terminal: Terminal) => terminal.json<Record<string, string>>("stack", "tag", "ls", "--json");

    it("a call with a small body: the tags of a stack", async () => {
      const terminal = await newSecrets("json", [[100]]);
      let set = 0;
      for (; set < 20; set++) {
        const { code, stdout, stderr } = await terminal.run("stack", "tag", "set", ...tag(set));
        if (code === 0) continue;
        expect(stdout + stderr).toMatch(refusal("json"));
        break;
      }
      expect(set).toBeGreaterThan(5);
      expect(set).toBeLessThan(20);
      expect(await tagsOf(terminal)).toMatchObject(Object.fromEntries(Array.from({ length: set }, (_, i) => tag(i))));
      await expectUsable(terminal, "json");
    });

    it("a new stack", async () => {
      const terminal = newTerminal();
      const describe = (description: string) =>
        writeFileSync(join(terminal.project, "Pulumi.yaml"), JSON.stringify({ name: "tags", runtime: "yaml", description }));
      describe("x".repeat(250));
      expect((await terminal.fails("stack", "init", "acme/tags/dev")).output).toMatch(refusal("stack"));
      describe("short");
      await terminal.pulumi("stack", "init", "acme/tags/dev");
      expect(await tagsOf(terminal)).toMatchObject({ "pulumi:description": "short" });
    });
  },
);
