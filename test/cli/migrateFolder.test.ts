import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { passphraseCrypter } from "../../scripts/migrate/passphrase.ts";
import { Migration, Side, ciphertextsIn } from "./support/migration.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { hasStash } from "./support/programs.ts";
import { Random } from "./support/random.ts";
import { newSecret } from "./support/secrets.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

const STACKS = inject("sizes").folderStacks;
/** Numbers of resources of the five programs. Each stack is a copy of one of their stacks, under its own name. */
const SIZES = [1, 3, 10, 30, 100];
/** Number of stacks whose time is measured. */
const MEASURED = 10;
const PASSPHRASE = newSecret();
const SECRET = newSecret();
const OFF = { TOKEN_IMPORTS: "off", ORGANIZATION_IMPORTS: "off", TOKEN_REQUESTS: "off", ORGANIZATION_REQUESTS: "off" };
const env = { PULUMI_CONFIG_PASSPHRASE: PASSPHRASE };
const execute = promisify(execFile);

const kindOf = (i: number) => i % SIZES.length;
const projectOf = (i: number) => `laden-${kindOf(i)}`;
/** Each name has a dot, a dash and an underscore, which are all that the CLI allows beside letters and digits. */
const stackOf = (i: number) => `v1.0_s-${String(i).padStart(3, "0")}`;
const hasSecret = (i: number) => kindOf(i) !== 0;
const hasPending = (i: number) => i % 7 === 6;

interface Deployment {
  manifest: object;
  resources: object[];
  pending_operations?: object[];
}

const stateFile = (folder: string, i: number) => join(folder, ".pulumi/stacks", projectOf(i), `${stackOf(i)}.json`);
const stateIn = (folder: string, i: number) =>
  (JSON.parse(readFileSync(stateFile(folder, i), "utf8")) as { checkpoint: { latest: Deployment } }).checkpoint.latest;

/** A state without what the CLI's import changes: it encrypts each secret again, under the same passphrase, and drops pending operations. */
function withoutWrite({ resources, ...rest }: Deployment): string {
  const { manifest: _manifest, pending_operations: _pending, ...kept } = rest;
  return JSON.stringify({ ...kept, resources }).replaceAll(/"ciphertext":"[^"]+"/g, '"ciphertext":""');
}

/** A digest of each file of a folder, except files that the CLI writes even when it only reads. */
function digests(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length), createHash("sha256").update(readFileSync(path)).digest("hex")];
    }),
  );
}

/** Copies a stack of the folder under another name: its state, its history, and its file in the checkout. */
function copyStack(folder: string, project: string, from: string, to: string): void {
  for (const part of [`.pulumi/stacks/${project}`, `.pulumi/history/${project}`]) {
    const whole = join(folder, part);
    for (const name of readdirSync(whole, { recursive: true, encoding: "utf8" }).filter(
      (path) => path.includes(from) && /\.(json|attrs)$/.test(path),
    )) {
      const target = join(whole, name.replaceAll(from, to));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, readFileSync(join(whole, name), "utf8").replaceAll(from, to));
    }
  }
}

describe.runIf(STACKS > 0 && hasStash())("many stacks of a folder", () => {
  const folder = mkdtempSync(join(inject("directory"), "from-folder-"));
  const out = mkdtempSync(join(inject("directory"), "to-folder-"));
  const checkout = mkdtempSync(join(inject("directory"), "checkout-"));
  const all = Array.from({ length: STACKS }, (_, i) => i);
  /** One stack of each program. */
  const sample = all.slice(0, SIZES.length);
  const terminals = SIZES.map((_, kind) => {
    const project = join(checkout, projectOf(kind));
    mkdirSync(project);
    return new Terminal({ project, url: `file://${folder}`, env });
  });
  let server: Server;
  let side: Side;
  let globex: string;

  const programOf = (kind: number, edition: string) => ({
    name: projectOf(kind),
    runtime: "yaml",
    ...(hasSecret(kind) && { config: { password: { type: "string", secret: true } } }),
    resources: Object.fromEntries(
      Array.from({ length: SIZES[kind]! }, (_, n) => [
        `r${n}`,
        {
          type: "pulumi:index:Stash",
          name: `größe-日本-${n}`,
          properties: { input: n === 1 ? "${password}" : { n, text: "ü <b> \u2028", edition: n === 0 ? edition : "" } },
          ...(n % 7 === 3 && { options: { protect: true } }),
        },
      ]),
    ),
    outputs: { greeting: "grüße", ...(hasSecret(kind) && { password: "${password}" }) },
  });

  beforeAll(async () => {
    server = await startBuiltServer("folder-server", OFF);
    side = new Side(server.url, server.credentials.organizations["acme"]!["admin"]!);
    globex = server.credentials.organizations["globex"]!["admin"]!;
    for (const [kind, terminal] of terminals.entries()) {
      const write = (edition: string) => writeFileSync(join(terminal.project, "Pulumi.yaml"), JSON.stringify(programOf(kind, edition)));
      write("first");
      await terminal.pulumi("stack", "init", stackOf(kind));
      await terminal.pulumi("stack", "tag", "set", "team", "größe und mehr");
      if (hasSecret(kind)) await terminal.pulumi("config", "set", "--secret", "password", SECRET);
      // Several versions of history.
      for (const edition of ["first", "second", "third"]) {
        write(edition);
        await terminal.pulumi("up", "--yes", "--skip-preview");
      }
    }
    for (const i of all) {
      const [kind, project] = [kindOf(i), projectOf(i)];
      if (i >= SIZES.length) {
        copyStack(folder, project, stackOf(kind), stackOf(i));
        const settings = readFileSync(join(checkout, project, `Pulumi.${stackOf(kind)}.yaml`), "utf8");
        writeFileSync(join(checkout, project, `Pulumi.${stackOf(i)}.yaml`), settings);
      }
      if (!hasPending(i)) continue;
      // The checkpoint is as a killed CLI leaves it.
      const checkpoint = JSON.parse(readFileSync(stateFile(folder, i), "utf8")) as { checkpoint: { latest: Deployment } };
      const urn = `urn:pulumi:${stackOf(i)}::${project}::pulumi:index:Stash::später`;
      const resource = { urn, custom: true, type: "pulumi:index:Stash", inputs: { input: "é" } };
      checkpoint.checkpoint.latest.pending_operations = [{ resource, type: "creating" }];
      writeFileSync(stateFile(folder, i), JSON.stringify(checkpoint, null, 4));
    }
  });
  afterAll(() => server.stop());

  it(`${STACKS} come, each as the CLI exports it, and the folder stays as it was`, async () => {
    const before = digests(folder);
    const migration = new Migration({ ...env, MIGRATE_TO_TOKEN: side.token });
    const args = ["--from", `file://${folder}`, "--to", side.url, "--to-org", "acme"];
    const dry = await migration.run(...args);
    expect(dry.output).toContain(`${STACKS} stacks would come, 0 are there already, 0 cannot come.`);
    const { code, output } = await migration.run(...args, "--yes");
    expect(code, output).toBe(0);
    expect(output).toContain(`${STACKS} of ${STACKS} stacks are at`);
    console.log(output.trimEnd().split("\n").slice(-2).join("\n"));
    for (const i of sample) {
      const exported = await terminals[kindOf(i)]!.pulumi("stack", "export", "--stack", stackOf(i));
      expect((await side.export(`acme/${projectOf(i)}/${stackOf(i)}`)).trim(), stackOf(i)).toBe(exported.trim());
    }
    for (const i of all) {
      const text = await side.export(`acme/${projectOf(i)}/${stackOf(i)}`);
      const { deployment } = JSON.parse(text) as { deployment: Deployment & { secrets_providers?: { state: { salt: string } } } };
      expect(deployment, stackOf(i)).toMatchObject(stateIn(folder, i));
      expect(deployment.pending_operations ?? [], stackOf(i)).toHaveLength(hasPending(i) ? 1 : 0);
      const ciphertexts = ciphertextsIn(text);
      expect(ciphertexts.length > 0, stackOf(i)).toBe(hasSecret(i));
      if (!hasSecret(i)) continue;
      const crypter = await passphraseCrypter(PASSPHRASE, deployment.secrets_providers!.state.salt);
      for (const secret of await crypter.open(ciphertexts)) expect(Buffer.from(secret, "base64").toString()).toContain(SECRET);
    }
    expect(digests(folder)).toEqual(before);
    const again = await migration.run(...args, "--yes");
    expect(again.output).toContain(`${STACKS} of ${STACKS} stacks are at ${side.url}: 0 came now`);
  });

  it("go out to another folder, where a preview shows no change", async () => {
    const migration = new Migration({ ...env, MIGRATE_FROM_TOKEN: side.token });
    const args = ["--from", side.url, "--org", "acme", "--to", `file://${out}`, "--checkout", checkout, "--yes"];
    // The program is killed while it works on some stacks. The commands of the CLI that it had started continue without it.
    const { child, ended } = migration.start([...args, "--without-pending"], (printed) => {
      if (printed.includes("] acme/")) setTimeout(() => child.kill("SIGKILL"), new Random(inject("seed"), 50).below(3000));
    });
    await ended;
    let { code, output } = await migration.run(...args, "--without-pending");
    // A command that still runs holds the lock of its stack. If such a command was killed, its lock needs `pulumi cancel`.
    if (code !== 0) {
      console.log(output.trimEnd().split("\n").slice(-4).join("\n"));
      ({ code, output } = await migration.run(...args, "--without-pending"));
    }
    expect(code, output).toBe(0);
    expect(output).toContain(`${STACKS} of ${STACKS} stacks are at`);
    console.log(output.trimEnd().split("\n").slice(-2).join("\n"));
    for (const i of all) {
      const [here, there] = [withoutWrite(stateIn(folder, i)), withoutWrite(stateIn(out, i))];
      expect(there, stackOf(i)).toBe(here);
    }
    for (const i of sample) {
      const terminal = terminals[kindOf(i)]!.with({ url: `file://${out}` });
      await terminal.pulumi("preview", "--expect-no-changes", "--stack", stackOf(i));
      const outputs = await terminal.json<Record<string, string>>("stack", "output", "--json", "--show-secrets", "--stack", stackOf(i));
      expect(outputs).toEqual({ greeting: "grüße", ...(hasSecret(i) && { password: SECRET }) });
      const tags = await terminal.json<object>("stack", "tag", "ls", "--json", "--stack", stackOf(i));
      expect(tags).toMatchObject({ team: "größe und mehr" });
    }
  });

  it("starts the CLI as often as a bare init, export and import do, and prints the times of both", async () => {
    const chosen = all.filter((i) => !hasPending(i)).slice(0, MEASURED);
    const names = chosen.flatMap((i) => ["--stack", `${projectOf(i)}/${stackOf(i)}`]);
    const home = mkdtempSync(join(inject("directory"), "home-"));
    const empty = () => `file://${mkdtempSync(join(inject("directory"), "measured-"))}`;
    const pulumi = (url: string, args: string) => `PULUMI_BACKEND_URL='${url}' '${inject("cli")}' --non-interactive ${args}`;
    const bareEnv = {
      ...process.env,
      ...env,
      HOME: home,
      PULUMI_HOME: home,
      PULUMI_ACCESS_TOKEN: globex,
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    /** Moves one stack after the other. Each needs three starts of the CLI, two of which run at the same time. */
    async function bare(from: [string, string], to: [string, string]): Promise<number> {
      const started = performance.now();
      for (const i of chosen) {
        const name = `${projectOf(i)}/${stackOf(i)}`;
        const init = pulumi(to[0], `stack init ${to[1]}/${name} --no-select`);
        const pipe = `${pulumi(from[0], `stack export -s ${from[1]}/${name}`)} | ${pulumi(to[0], `stack import -s ${to[1]}/${name}`)}`;
        // The CLI writes the settings of a new stack beside a project.
        const cwd = join(home, projectOf(i));
        mkdirSync(cwd, { recursive: true });
        writeFileSync(join(cwd, "Pulumi.yaml"), JSON.stringify({ name: projectOf(i), runtime: "yaml" }));
        await execute("sh", ["-c", `${init} && ${pipe}`], { cwd, env: bareEnv });
      }
      return performance.now() - started;
    }
    const counting = join(home, "counting");
    writeFileSync(counting, `#!/bin/sh\necho "$*" >> '${home}/calls'\nexec '${inject("cli")}' "$@"\n`, { mode: 0o755 });
    async function ours(...args: string[]): Promise<number> {
      const migration = new Migration({ ...env, MIGRATE_FROM_TOKEN: side.token, MIGRATE_TO_TOKEN: globex, PULUMI_CLI: counting });
      writeFileSync(join(home, "calls"), "");
      const started = performance.now();
      const { code, output } = await migration.run(...args, ...names, "--yes");
      const time = performance.now() - started;
      expect(code, output).toBe(0);
      const calls = readFileSync(join(home, "calls"), "utf8").trimEnd().split("\n");
      // The program may call the CLI once for the list of all stacks, and for each stack as often as a bare move does: init, export and
      // import, or tags and export. Setting the tag is one more call.
      expect(calls.length, calls.join("\n")).toBeLessThanOrEqual(1 + chosen.length * (args.includes("--to-org") ? 2 : 4));
      return time;
    }
    const times: Record<string, number> = {};
    /** The bare move goes to globex and comes from there, because the CLI has a token of globex. */
    times["in, bare"] = await bare([`file://${folder}`, "organization"], [side.url, "globex"]);
    times["out, bare"] = await bare([side.url, "globex"], [empty(), "organization"]);
    times["out"] = await ours("--from", side.url, "--org", "acme", "--to", empty());
    times["out, one at a time"] = await ours("--from", side.url, "--org", "acme", "--to", empty(), "--parallel", "1");
    // The stacks are deleted in globex, because otherwise the program would find them there.
    for (const i of chosen)
      await fetch(`${side.url}/api/stacks/globex/${projectOf(i)}/${stackOf(i)}?force=true`, {
        method: "DELETE",
        headers: { Authorization: `token ${globex}` },
      });
    times["in"] = await ours("--from", `file://${folder}`, "--to", side.url, "--to-org", "globex");
    for (const [way, time] of Object.entries(times)) {
      const bareTime = times[`${way.split(",")[0]}, bare`]!;
      console.log(
        `${way}: ${Math.round(time / chosen.length)} ms for each of ${chosen.length} stacks, ${(time / bareTime).toFixed(2)} of the bare time`,
      );
    }
  });
});
