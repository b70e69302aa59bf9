import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Answer, runStubbed } from "./support/checkout.ts";

const error = (text: string): Answer => ({
  code: 1,
  stderr: `\u{1b}[31m✘ \u{1b}[41;31m[\u{1b}[41;97mERROR\u{1b}[41;31m]\u{1b}[0m \u{1b}[1m${text}\u{1b}[0m\n`,
});
const whoami = (...accounts: { name: string; id: string }[]): Answer => ({
  stdout: `\n${JSON.stringify({ loggedIn: true, accounts }, null, 2)}\n`,
});
const one = whoami({ name: "Acme", id: "a1" });
const migrate = "d1 migrations apply DB --remote";
const noDatabase = error(
  "Couldn't find a D1 DB named 'stackpass' (bound as 'DB') in the API. Run 'wrangler d1 create stackpass' to create it.",
);

/** The environment of a developer's shell. */
const unset = { CLOUDFLARE_ACCOUNT_ID: "" };

const TAG = / --tag unknown\.[0-9a-f]{16}/;

/** Runs the deployment. The returned calls lack the tag of the version, which depends on each file of the checkout. */
async function deploy(answers: Record<string, Answer[]>, args: string[] = [], env: Record<string, string> = unset, more = "") {
  const ended = await runStubbed("deploy", args, { "whoami --json": [one], ...answers }, env, more);
  return { ...ended, calls: ended.calls.map((call) => call.replace(TAG, "")), tags: ended.calls.flatMap((call) => TAG.exec(call) ?? []) };
}
const needs = ["r2 bucket list", "kv namespace list", "queues list"];

describe("npm run deploy", () => {
  it("applies the migrations, then puts the code in place, and shows the output of both", async () => {
    const { code, stdout, calls, tags } = await deploy(
      { [migrate]: [{ stdout: "No migrations to apply!\n" }], deploy: [{ stdout: "Deployed stackpass\n" }] },
      ["--secrets-file", "/tmp/none"],
    );
    expect(code).toBe(0);
    expect(tags).toHaveLength(1);
    expect(calls).toEqual(["whoami --json", migrate, "deploy --secrets-file /tmp/none"]);
    expect(stdout).toMatch(/No migrations to apply![^]*Deployed stackpass/);
  });

  it.each([
    ["bad SQL", 'near "CREAT": syntax error at offset 0: SQLITE_ERROR [code: 7500]'],
    ["a token without the right", "A request to the Cloudflare API failed. Authentication error [code: 10000]"],
    ["a database that does not answer", "internal error; reference = 0123 [code: 7500]"],
    ["a network that is gone", "Unable to resolve Cloudflare's API hostname"],
  ])("deploys nothing when a migration fails for %s, and prints why", async (_, text) => {
    const { code, stdout, stderr, calls } = await deploy({ [migrate]: [error(text)], deploy: [{ stdout: "Deployed stackpass\n" }] });
    expect(code).toBe(1);
    expect(calls).toEqual(["whoami --json", migrate]);
    expect(stderr).toContain("The migrations failed. Nothing was deployed.");
    expect(stderr).toContain(text);
    expect(stdout).not.toContain("Deployed");
  });

  it("lets the code create the database the first time, and applies the migrations then", async () => {
    const { code, stdout, calls } = await deploy({ [migrate]: [noDatabase, { stdout: "13 migrations applied\n" }] }, [
      "--secrets-file",
      "/tmp/none",
    ]);
    expect(code).toBe(0);
    expect(calls).toEqual(["whoami --json", migrate, ...needs, "deploy --secrets-file /tmp/none", migrate]);
    expect(stdout).toContain("this is the first deployment");
    expect(stdout).toContain("13 migrations applied");
  });

  it("applies the migrations of every database, and after the code those of one that the code creates", async () => {
    const second = '\n[[d1_databases]]\nbinding = "DB_2"\ndatabase_name = "stackpass-2"\nmigrations_dir = "migrations"\n';
    const migrateSecond = "d1 migrations apply DB_2 --remote";
    const none = error("Couldn't find a D1 DB named 'stackpass-2' (bound as 'DB_2') in the API.");
    const run = (answers: Record<string, Answer[]>) => deploy(answers, ["--secrets-file", "/tmp/none"], unset, second);
    const later = await run({ [migrate]: [{}], [migrateSecond]: [{ stdout: "2 migrations applied\n" }] });
    expect(later).toMatchObject({ code: 0, calls: ["whoami --json", migrate, migrateSecond, "deploy --secrets-file /tmp/none"] });
    const added = await run({ [migrate]: [{}], [migrateSecond]: [none, {}] });
    expect(added.calls).toEqual(["whoami --json", migrate, migrateSecond, "deploy --secrets-file /tmp/none", migrateSecond]);
    expect(added).toMatchObject({ code: 0, stdout: expect.not.stringContaining("first") as string });
    const failed = await run({ [migrate]: [{}], [migrateSecond]: [error("internal error")] });
    expect(failed).toMatchObject({ code: 1, calls: ["whoami --json", migrate, migrateSecond] });
    expect(failed.stderr).toContain("The migrations failed. Nothing was deployed.");
  });

  it("ends with a failure when the first migrations fail after the code is in place", async () => {
    const { code, stderr } = await deploy({ [migrate]: [noDatabase, error("internal error")] });
    expect(code).toBe(1);
    expect(stderr).toContain("The code is deployed, but the migrations are not applied. Run `npm run deploy` again.");
  });

  describe("gives a new deployment new secrets", () => {
    const lines = /^TOKEN_PEPPER=([\w-]{43})\nENCRYPTION_KEYS=1:([\w-]{43})\n$/;
    const withSecrets = "deploy --secrets-file /dev/stdin";
    const lacking = error("The following required secrets have not been set: TOKEN_PEPPER, ENCRYPTION_KEYS");
    const people = "d1 execute DB --remote --json --command SELECT count(*) AS people FROM users";

    it("through a pipe, and prints none of them", async () => {
      const deployed = { stdout: "https://stackpass.acme.workers.dev\n" };
      const { code, stdout, stderr, calls, input } = await deploy({ [migrate]: [noDatabase, {}], deploy: [deployed] });
      expect(code).toBe(0);
      expect(calls).toEqual(["whoami --json", migrate, ...needs, withSecrets, migrate]);
      const [, pepper, key] = lines.exec(input)!;
      for (const secret of [pepper!, key!]) expect(stdout + stderr + calls.join()).not.toContain(secret);
      expect(stdout).toContain("npx wrangler secret put OPERATOR_TOKEN`, and open https://stackpass.acme.workers.dev/setup.");
    });

    it("of which --secrets-to keeps a copy", async () => {
      const folder = mkdtempSync(join(tmpdir(), "stackpass-copy-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const file = join(folder, "stackpass.secrets");
      const { code, stdout, input } = await deploy({ [migrate]: [noDatabase, {}] }, ["--secrets-to", file]);
      expect(code).toBe(0);
      expect([readFileSync(file, "utf8"), statSync(file).mode & 0o777]).toEqual([input, 0o600]);
      expect(stdout).toContain(file);
      const again = await deploy({ [migrate]: [noDatabase, {}] }, ["--secrets-to", file]);
      expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("was not changed") as string });
      expect(again.calls).not.toContain(withSecrets);
    });

    it("after a first attempt that has only created the database", async () => {
      const { code, calls } = await deploy({
        [migrate]: [{}],
        [people]: [{ stdout: '[{ "results": [{ "people": 0 }], "success": true }]' }],
        [withSecrets]: [{}],
        deploy: [lacking],
      });
      expect(code).toBe(0);
      expect(calls).toEqual(["whoami --json", migrate, "deploy", people, withSecrets]);
    });

    it("but not while another database has an organization", async () => {
      const second = '\n[[d1_databases]]\nbinding = "DB_2"\ndatabase_name = "stackpass-2"\nmigrations_dir = "migrations"\n';
      const count = (n: number): Answer => ({ stdout: `[{ "results": [{ "people": ${n} }], "success": true }]` });
      const answers = { [people]: [count(0)], "d1 execute DB_2": [count(1)], deploy: [lacking] };
      const { code, calls } = await deploy(answers, [], unset, second);
      expect(code).toBe(1);
      expect(calls).not.toContain(withSecrets);
    });

    it.each([
      ["there is data", { stdout: '[{ "results": [{ "people": 12 }], "success": true }]' }],
      ["nobody knows whether there is data", error("internal error")],
    ])("but not when %s", async (_, answer) => {
      const { code, stderr, calls } = await deploy({ [migrate]: [{}], [people]: [answer], deploy: [lacking] });
      expect(code).toBe(1);
      expect(stderr).toContain("Deploy with the file that has them");
      expect(calls.at(-1)).toBe(people);
    });
  });

  it("does nothing before it is clear which account is meant", async () => {
    const two = whoami({ name: "Acme", id: "a1" }, { name: "Globex", id: "b2" });
    const unclear = await deploy({ "whoami --json": [two] });
    expect(unclear).toMatchObject({ code: 1, calls: ["whoami --json"] });
    expect(unclear.stderr).toContain("export CLOUDFLARE_ACCOUNT_ID=b2   # Globex");
    expect(await deploy({ "whoami --json": [two] }, [], { CLOUDFLARE_ACCOUNT_ID: "b2" })).toMatchObject({ code: 0 });
  });

  it("says how to log in", async () => {
    const { code, stderr, calls } = await deploy({ "whoami --json": [{ code: 1, stdout: '{"loggedIn":false}\n' }] });
    expect(code).toBe(1);
    expect(stderr).toContain("npx wrangler login");
    expect(calls).toEqual(["whoami --json"]);
  });

  it("takes a token that may not name its accounts", async () => {
    expect(await deploy({ "whoami --json": [error("Authentication error [code: 10000]")] })).toMatchObject({ code: 0 });
  });

  it("deploys nothing the first time while something is missing, and reports all of it at once", async () => {
    const { code, stderr, calls } = await deploy({
      [migrate]: [noDatabase],
      "r2 bucket list": [error("Please enable R2 through the Cloudflare Dashboard. [code: 10042]")],
      "kv namespace list": [error("A request to the Cloudflare API failed. Authentication error [code: 10000]")],
      "queues list": [error("Queues is not available on your free plan.")],
    });
    expect(code).toBe(1);
    expect(stderr).toContain("The buckets (R2) of the account cannot be read");
    expect(stderr).toContain("Enable it once in the dashboard");
    expect(stderr).toContain("The KV namespaces of the account cannot be read");
    expect(stderr).toContain("lacks a permission");
    expect(stderr).toContain("The queues of the account cannot be read");
    expect(stderr).toContain("Choose Workers Paid");
    expect(stderr).toContain("Nothing was deployed.");
    expect(calls.at(-1)).toBe("queues list");
  });

  it("deploys the second Worker for SAML before the one that is bound to it, and stops if that fails", async () => {
    const bound = "wrangler.generated.saml.json";
    const [second, first] = ["deploy --config wrangler.saml.toml", `deploy --secrets-file /tmp/none --config ${bound}`];
    const { code, calls, configs } = await deploy({ [migrate]: [{}] }, ["--saml", "--secrets-file", "/tmp/none"]);
    expect(code).toBe(0);
    expect(calls).toEqual(["whoami --json", migrate, second, first]);
    expect(JSON.parse(configs[bound]!)).toMatchObject({ name: "stackpass", services: [{ binding: "SAML", service: "stackpass-saml" }] });
    const failed = await deploy({ [migrate]: [{}], [second]: [error("no")] }, ["--saml"]);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("The second Worker, for SAML, was not deployed") as string });
    expect(failed.calls.at(-1)).toBe(second);
    const tried = await deploy({}, ["--saml", "--dry-run"]);
    expect(tried.calls).toEqual([
      "deploy --config wrangler.saml.toml --outdir dist/saml --dry-run",
      `deploy --outdir dist --dry-run --config ${bound}`,
    ]);
  });

  it("deploys an environment under names of its own", async () => {
    const config = "wrangler.generated.main.staging.json";
    const withConfig = (call: string) => `${call} --config ${config}`;
    const { code, calls, configs } = await deploy({ [migrate]: [{}] }, ["--env", "staging"]);
    expect(code).toBe(0);
    expect(calls).toEqual(["whoami --json", migrate, "deploy"].map(withConfig));
    expect(JSON.parse(configs[config]!)).toMatchObject({
      name: "stackpass-staging",
      d1_databases: [{ database_name: "stackpass-staging" }],
    });
    const saml = await deploy({ [migrate]: [{}] }, ["--saml", "--env=staging"]);
    const [second, bound] = ["wrangler.generated.second.staging.json", "wrangler.generated.saml.staging.json"];
    expect(saml.calls.slice(-2)).toEqual([`deploy --config ${second}`, `deploy --config ${bound}`]);
    expect(JSON.parse(saml.configs[second]!)).toMatchObject({ name: "stackpass-staging-saml" });
    expect(JSON.parse(saml.configs[bound]!)).toMatchObject({ services: [{ binding: "SAML", service: "stackpass-staging-saml" }] });
  });

  it("deploys at the domain of the setting DOMAIN, and prints its address", async () => {
    const withDomain = (value: string, more = "") =>
      runStubbed(
        "deploy",
        [],
        (folder) => {
          const file = join(folder, "wrangler.toml");
          writeFileSync(file, readFileSync(file, "utf8").replace("\n[vars]\n", `\n${more}[vars]\nDOMAIN = "${value}"\n`));
          return { "whoami --json": [one], [migrate]: [noDatabase, {}] };
        },
        unset,
      );
    const { code, calls, configs, stdout } = await withDomain("example.com");
    expect(code).toBe(0);
    expect(calls.at(-1)).toBe(`${migrate} --config wrangler.generated.main.json`);
    expect(JSON.parse(configs["wrangler.generated.main.json"]!)).toMatchObject({
      workers_dev: false,
      routes: [{ pattern: "api.example.com" }, { pattern: "app.example.com" }],
    });
    expect(stdout).toContain("open https://app.example.com/setup");
    for (const value of ["https://example.com", "Example.com", "localhost", ""])
      expect(await withDomain(value)).toMatchObject({
        code: 2,
        calls: [],
        stderr: expect.stringContaining("DOMAIN in wrangler.toml") as string,
      });
    const both = await withDomain("example.com", '[[routes]]\npattern = "x.example.com"\n');
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("both DOMAIN and routes") as string });
  });

  it("refuses a name that cannot be a part of other names", async () => {
    for (const name of ["Staging", "x".repeat(21), "--dry-run"])
      expect(await deploy({}, ["--env", name])).toMatchObject({
        code: 2,
        calls: [],
        stderr: expect.stringContaining("--env needs a name") as string,
      });
  });

  it("checks no account for a dry run", async () => {
    expect(await deploy({}, ["--dry-run"])).toMatchObject({ code: 0, calls: ["deploy --outdir dist --dry-run"] });
  });
});
