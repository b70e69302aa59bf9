import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { newSetting, passphraseCrypter } from "../../scripts/migrate/passphrase.ts";
import { Migration, type Side, type Sides, ciphertextsIn, oddState, startSides, withoutPlace } from "./support/migration.ts";
import { Random } from "./support/random.ts";
import { newSecret } from "./support/secrets.ts";

const STACKS = 200;
const VERSIONS = 20;
const OUT = 50;
const KILLS = 20;
/** Numbers of resources of the stacks, used in turn: from 1 to 5,000. */
const SIZES = [1, 3, 10, 30, 100, 300, 1000, 5000, 2, 20];
const PASSPHRASE = newSecret();
const SECRET = newSecret();
const OFF = { TOKEN_IMPORTS: "off", ORGANIZATION_IMPORTS: "off", TOKEN_REQUESTS: "off", ORGANIZATION_REQUESTS: "off" };

const projectOf = (i: number) => `project-${Math.floor(i / 20)}`;
const stackOf = (i: number) => `stack-${String(i).padStart(3, "0")}`;
const pathOf = (i: number) => `acme/${projectOf(i)}/${stackOf(i)}`;

describe.runIf(inject("long"))("many stacks", () => {
  let sides: Sides;
  let source: Side;
  let target: Side;
  let env: Record<string, string>;

  beforeAll(async () => {
    sides = await startSides("many", OFF);
    ({ source, target } = sides);
    env = { PULUMI_CONFIG_PASSPHRASE: PASSPHRASE, MIGRATE_FROM_TOKEN: source.token, MIGRATE_TO_TOKEN: target.token };
    const setting = await newSetting(PASSPHRASE);
    const local = await passphraseCrypter(PASSPHRASE, setting);
    for (let i = 0; i < STACKS; i++) {
      const [project, stack, resources] = [projectOf(i), stackOf(i), SIZES[i % SIZES.length]!];
      await source.newStack(project, stack, undefined, { number: String(i) });
      const secrets = Array.from({ length: Math.min(resources, 20) }, (_, n) => JSON.stringify(`${SECRET} of ${n}`));
      const isLocal = i % 3 === 0;
      const ciphertexts = isLocal
        ? await local.seal(secrets.map((text) => Buffer.from(text).toString("base64")))
        : await source.seal(pathOf(i), secrets);
      const provider = isLocal ? `{"type":"passphrase","state":{"salt":"${setting}"}}` : source.serviceProvider(project, stack);
      // The first stacks have a history, which stays at the source.
      for (let version = 1; version < (i < SIZES.length - 2 ? VERSIONS : 1); version++)
        await source.import(pathOf(i), oddState({ project, stack, resources: version }));
      await source.import(pathOf(i), oddState({ project, stack, resources, ciphertexts, provider, pending: i % 5 === 4 }));
    }
  }, 1_800_000);
  afterAll(() => sides.stop());

  it(`${STACKS} come from another server, killed ${KILLS} times`, async () => {
    const migration = new Migration(env);
    const args = ["--from", source.url, "--to", target.url, "--org", "acme", "--yes"];
    const random = new Random(inject("seed"), 200);
    for (let kill = 0; kill < KILLS; kill++) {
      // The program is killed after it has printed some of its lines, while it works on the next ones.
      const after = random.below(12);
      const { child, ended } = migration.start(args, (output) => {
        const lines = output.match(/\] .* came, /g)?.length ?? 0;
        if (output.includes("200 stacks") && lines >= after) setTimeout(() => child.kill("SIGKILL"), random.below(400));
      });
      await ended;
    }
    const { code, output } = await migration.run(...args);
    expect(code, output).toBe(0);
    expect(output).toContain(`${STACKS} of ${STACKS} stacks are at`);
    expect(await target.stacks()).toHaveLength(STACKS);
    for (let i = 0; i < STACKS; i++) {
      const [before, after] = await Promise.all([source.export(pathOf(i)), target.export(pathOf(i))]);
      if (i % 3 === 0) expect(after === before, pathOf(i)).toBe(true);
      else {
        expect(withoutPlace(after) === withoutPlace(before), pathOf(i)).toBe(true);
        const ciphertexts = ciphertextsIn(after);
        const secrets = await target.open(pathOf(i), ciphertexts);
        expect(secrets, pathOf(i)).toEqual(ciphertexts.map((_, n) => JSON.stringify(`${SECRET} of ${n}`)));
      }
    }
    const progress = readFileSync(join(migration.folder, "progress.jsonl"), "utf8");
    expect(progress).not.toContain(SECRET);
    console.log(output.split("\n").slice(-4).join("\n"));
  }, 3_600_000);

  it(`${OUT} go out to a folder, and come in to another organization`, async () => {
    const folder = mkdtempSync(join(inject("directory"), "bucket-"));
    const chosen = Array.from({ length: OUT }, (_, i) => ["--stack", `${projectOf(i)}/${stackOf(i)}`]).flat();
    const out = new Migration({ ...env, MIGRATE_FROM_TOKEN: target.token });
    const went = await out.run("--from", target.url, "--to", `file://${folder}`, "--org", "acme", ...chosen, "--without-pending", "--yes");
    expect(went.code, went.output).toBe(0);
    const back = new Migration({ ...env, MIGRATE_TO_TOKEN: sides.globex.target });
    const came = await back.run("--from", `file://${folder}`, "--to", target.url, "--to-org", "globex", "--secrets", "service", "--yes");
    expect(came.code, came.output).toBe(0);
    expect(came.output).toContain(`${OUT} of ${OUT} stacks are at`);
    console.log([went.output, came.output].map((text) => text.split("\n").slice(-3).join("\n")).join("\n"));
  }, 3_600_000);

  it("measures the time of a stack beside a bare export and import", async () => {
    const { source: ours, target: theirs } = sides.globex;
    const chosen = SIZES.map((_, i) => 60 + i);
    const home = mkdtempSync(join(inject("directory"), "home-"));
    const cli = (url: string, token: string) => {
      const command = `PULUMI_HOME=${home}/${token.slice(-8)} PULUMI_BACKEND_URL=${url} PULUMI_ACCESS_TOKEN=${token} ${inject("cli")}`;
      return (args: string) => `${command} --non-interactive ${args}`;
    };
    const [out, into] = [cli(source.url, source.token), cli(target.url, theirs)];
    const bare: number[] = [];
    for (const i of chosen) {
      const name = `globex/${projectOf(i)}/${stackOf(i)}`;
      const started = performance.now();
      const line = `${into(`stack init ${name} --no-select`)} && ${out(`stack export --show-secrets -s ${pathOf(i)}`)} | ${into(`stack import -s ${name}`)}`;
      execFileSync("sh", ["-c", line], { cwd: home, stdio: "pipe", env: { ...process.env, ...env, PULUMI_SKIP_UPDATE_CHECK: "true" } });
      bare.push(performance.now() - started);
    }
    const one = new Migration({ ...env, MIGRATE_TO_TOKEN: ours });
    const single: number[] = [];
    for (const i of chosen) {
      const started = performance.now();
      const args = ["--from", source.url, "--to", source.url, "--org", "acme", "--to-org", "globex"];
      const { code, output } = await one.run(...args, "--stack", `${projectOf(i)}/${stackOf(i)}`, "--yes");
      expect(code, output).toBe(0);
      single.push(performance.now() - started);
    }
    const all = new Migration({ ...env, MIGRATE_TO_TOKEN: theirs });
    const started = performance.now();
    const many = chosen.flatMap((i) => ["--stack", `${projectOf(i + 20)}/${stackOf(i + 20)}`]);
    const args = ["--from", source.url, "--to", target.url, "--org", "acme", "--to-org", "globex"];
    const ended = await all.run(...args, ...many, "--yes", "--parallel=1");
    const together = performance.now() - started;
    expect(ended.code, ended.output).toBe(0);
    const ms = (list: number[]) => list.map((time) => Math.round(time)).join(" ");
    console.log(`resources: ${SIZES.join(" ")}\nbare, ms: ${ms(bare)}\nmigrate, a run for each, ms: ${ms(single)}`);
    console.log(`migrate, one run for all, ms: ${Math.round(together)}`);
  }, 600_000);
});
