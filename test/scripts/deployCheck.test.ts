import { execFileSync } from "node:child_process";
import { globSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Configuration, CONFIG, inEnvironment, readConfiguration } from "../../scripts/configuration.ts";
import { wantedBindings } from "../../scripts/deploy/differences.ts";
import { releaseOf, tagOf } from "../../scripts/deploy/release.ts";
import { type Answer, root, runStubbed } from "./support/checkout.ts";

const failure = (text: string): Answer => ({ code: 1, stderr: `✘ [ERROR] ${text}\n` });
const json = (value: unknown): Answer => ({ stdout: JSON.stringify(value, null, 2) });
const config = readConfiguration(CONFIG);
const migrations = globSync("migrations/*.sql", { cwd: root })
  .map((file) => basename(file))
  .sort();
const git = (cwd: string, ...args: string[]) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd, encoding: "utf8" }).trim();

/** What the stub of wrangler answers about a deployment. */
interface Deployment {
  config: Configuration;
  tag?: string;
  secrets?: string[];
  /** Bindings of the deployment, in place of those that the configuration requires. */
  bindings?: object[];
  migrations?: string[];
  /** Minutes since the cron last ran. */
  cron?: number;
  consumers?: Record<string, object[]>;
  database?: string;
}

const consumersIn = ({ name, queues }: Configuration, queue: string) =>
  queues!
    .consumers!.filter((consumer) => consumer.queue === queue)
    .map((consumer) => ({
      type: "worker",
      script: name,
      dead_letter_queue: consumer.dead_letter_queue ?? "",
      settings: {
        batch_size: consumer.max_batch_size,
        max_wait_time_ms: consumer.max_batch_timeout! * 1000,
        max_retries: consumer.max_retries,
        max_concurrency: consumer.max_concurrency ?? null,
      },
    }));

function answersOf(deployment: Deployment): Record<string, Answer[]> {
  const { config: its, tag, secrets = ["TOKEN_PEPPER", "ENCRYPTION_KEYS", "OPERATOR_TOKEN"], cron = 1 } = deployment;
  // Each binding also has the id that Cloudflare gave it.
  const bindings = deployment.bindings ?? wantedBindings(its).map((one) => (one.type === "d1" ? { ...one, id: "d-1" } : one));
  const rows = [
    ...(deployment.migrations ?? migrations).map((name) => ({ name, time: 0 })),
    { name: "cron outbox", time: Date.now() - cron * 60_000 },
    { name: "cron unusedTokens", time: 1 },
  ];
  return {
    "whoami --json": [json({ loggedIn: true, accounts: [{ name: "Acme", id: "a1" }] })],
    "deployments status": [json({ versions: [{ version_id: "v-1", percentage: 100 }] })],
    "versions view v-1": [
      json({
        annotations: { ...(tag && { "workers/tag": tag }) },
        resources: {
          bindings: [...bindings, ...secrets.map((name) => ({ name, type: "secret_text" }))],
          script_runtime: { compatibility_date: its["compatibility_date"] },
        },
      }),
    ],
    "d1 info": [json({ uuid: deployment.database ?? "d-1" })],
    "d1 execute": [json([{ results: rows, success: true }])],
    ...Object.fromEntries(
      its.queues!.consumers!.map(({ queue }) => [
        `queues consumer worker list ${queue} `,
        [json(deployment.consumers?.[queue] ?? consumersIn(its, queue))],
      ]),
    ),
  };
}

const run = (args: string[], answers: Parameters<typeof runStubbed>[2]) =>
  runStubbed("deploy", ["--check", ...args], answers, { CLOUDFLARE_ACCOUNT_ID: "" });

/** The tag of the release in a copy of the checkout. A first deployment with the stub reveals it. */
let tag: string;
beforeAll(async () => {
  const { calls } = await runStubbed("deploy", ["--secrets-file", "/tmp/none"], {}, { CLOUDFLARE_ACCOUNT_ID: "a1" });
  tag = /--tag (\S+)/.exec(calls.at(-1)!)![1]!;
});

describe("npm run deploy -- --check", () => {
  it("finds no difference after a deployment of the same checkout, and changes nothing", async () => {
    const { code, stdout, stderr, calls } = await run([], answersOf({ config, tag }));
    expect(stdout + stderr).toContain("stackpass runs the code and the settings of this checkout.");
    expect(code).toBe(0);
    for (const call of calls)
      expect(call).toMatch(/^(whoami|deployments status|versions view|d1 info|d1 execute .* SELECT|queues consumer worker list)/);
  });

  it("reads each database, and says in which one a migration is missing", async () => {
    const second = '\n[[d1_databases]]\nbinding = "DB_2"\ndatabase_name = "stackpass-2"\nmigrations_dir = "migrations"\n';
    const two = { ...config, d1_databases: [...config.d1_databases!, { binding: "DB_2", database_name: "stackpass-2" }] };
    const { calls: deployed } = await runStubbed("deploy", ["--secrets-file", "/tmp/none"], {}, { CLOUDFLARE_ACCOUNT_ID: "a1" }, second);
    const tag = /--tag (\S+)/.exec(deployed.at(-1)!)![1]!;
    const check = (older: Record<string, Answer[]>) =>
      runStubbed("deploy", ["--check"], { ...older, ...answersOf({ config: two, tag }) }, { CLOUDFLARE_ACCOUNT_ID: "" }, second);
    expect(await check({})).toMatchObject({ code: 0 });
    const cron = { name: "cron outbox", time: Date.now() };
    const rows = [...migrations.slice(0, -1).map((name) => ({ name, time: 0 })), cron];
    const { stdout, code } = await check({ "d1 execute DB_2": [json([{ results: rows, success: true }])] });
    expect(code).toBe(1);
    expect(stdout).toContain(`- Of the database DB_2: Migrations that are not applied: ${migrations.at(-1)!}.`);
    expect(stdout).toContain("Differences: 1.");
  });

  it("says what differs: code, settings, secrets, migrations, queues and the cron", async () => {
    const bindings = wantedBindings(config)
      .filter(({ name }) => name !== "WEBHOOKS")
      .map((one) => {
        if (one.name === "STATE") return { ...one, bucket_name: "other-bucket" };
        if (one.name === "TOKEN_REQUESTS") return { ...one, simple: { limit: 10, period: 10 } };
        return one.name === "DIRECT_MEMBERS" ? { ...one, text: "invite" } : one.type === "d1" ? { ...one, id: "d-2" } : one;
      });
    const [audit, dead] = config.queues!.consumers!;
    const { code, stdout } = await run(
      [],
      answersOf({
        config,
        tag: "unknown.0123456789abcdef",
        secrets: ["TOKEN_PEPPER"],
        bindings: [...bindings, { name: "PUBLIC_URL", type: "plain_text", text: "https://x.example" }],
        migrations: [...migrations.slice(0, -2), "9999_newer.sql"],
        cron: 45,
        consumers: {
          [audit!.queue]: [
            ...consumersIn(config, audit!.queue).map((one) => ({ ...one, settings: { ...one.settings, max_retries: 3 } })),
            { script: "other" },
          ],
          [dead!.queue]: [],
        },
      }),
    );
    for (const text of [
      "The running code is not that of this checkout.",
      'The bucket STATE has "other-bucket" in the running version, and "stackpass-state" in the checkout.',
      "The class of objects WEBHOOKS is missing in the running version.",
      'The variable DIRECT_MEMBERS has "invite" in the running version, and "add" in the checkout.',
      'The rate limit TOKEN_REQUESTS has {"limit":10,"period":10} in the running version',
      "The secret ENCRYPTION_KEYS is missing.",
      "The variable PUBLIC_URL is in Cloudflare and not in the configuration of this checkout",
      `Migrations that are not applied: ${migrations.slice(-2).join(", ")}.`,
      "Migrations of a newer release that the database has: 9999_newer.sql.",
      "The running version uses another database",
      `The queue ${audit!.queue}: max_retries is 3, and 100 in the checkout.`,
      `The queue ${audit!.queue} is also consumed by other`,
      `The queue ${dead!.queue} is not consumed by stackpass`,
      "The cron has not run since 20",
    ])
      expect(stdout).toContain(text);
    expect(stdout).toContain("Differences: 14.");
    expect(code).toBe(1);
  });

  it("names the commit that runs, and how far the checkout is from it", async () => {
    let first = "";
    const { code, stdout } = await run([], (folder) => {
      writeFileSync(join(folder, ".gitignore"), "calls\nanswers.json\nnode_modules\nconfigs\n");
      git(folder, "init", "--quiet");
      git(folder, "add", ".");
      git(folder, "commit", "--quiet", "-m", "Say hello");
      first = git(folder, "rev-parse", "HEAD");
      writeFileSync(join(folder, "src/new.ts"), "export {};\n");
      git(folder, "add", ".");
      git(folder, "commit", "--quiet", "-m", "Say more");
      return answersOf({ config, tag: `${first}.0123456789abcdef` });
    });
    expect(stdout).toContain(`The running code is that of commit ${first.slice(0, 10)} (`);
    expect(stdout).toContain("“Say hello”). Commits of this checkout that are not deployed: 1.");
    expect(code).toBe(1);
  });

  it("compares an environment with its own names", async () => {
    const staging = inEnvironment(config, "staging");
    const { code, stdout, stderr } = await run(["--env", "staging"], answersOf({ config: staging, tag }));
    expect(stdout + stderr).toContain("stackpass-staging runs the code");
    expect(code).toBe(0);
  });

  it("tells a Worker that does not exist from a login without rights and from nonsense", async () => {
    const missing = await run([], {
      ...answersOf({ config }),
      "deployments status": [failure("This Worker does not exist on your account. [code: 10007]")],
    });
    expect(missing).toMatchObject({ code: 1, stdout: expect.stringContaining("There is no Worker stackpass in this account") as string });
    const refused = await run([], { ...answersOf({ config }), "deployments status": [failure("Authentication error [code: 10000]")] });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("lacks a permission") as string });
    const odd = await run([], { ...answersOf({ config }), "d1 info": [{ stdout: "<html>" }] });
    expect(odd).toMatchObject({ code: 1, stderr: expect.stringContaining("not JSON") as string });
    expect(await run(["--dry-run"], {})).toMatchObject({ code: 2, calls: [] });
  });

  it("knows that nothing was applied, that there is no database, and that there is no queue", async () => {
    const answers = answersOf({ config, tag });
    const empty = await run([], {
      ...answers,
      "d1 execute": [failure("no such table: d1_migrations: SQLITE_ERROR [code: 7500]")],
      "queues consumer worker list stackpass-audit-dead ": [failure('Queue "stackpass-audit-dead" does not exist.')],
    });
    expect(empty.stdout).toContain(`Migrations that are not applied: ${migrations.join(", ")}`);
    expect(empty.stdout).toContain("The cron has never run.");
    expect(empty.stdout).toContain("The queue stackpass-audit-dead does not exist.");
    const none = await run([], { ...answers, "d1 info": [failure("Couldn't find a D1 DB named 'stackpass'")] });
    expect(none.stdout).toContain("The database stackpass does not exist.");
    for (const { code } of [empty, none]) expect(code).toBe(1);
  });
});

it("a tag of another program is no release", () => {
  const release = { commit: "0".repeat(40), digest: "0123456789abcdef" };
  expect(releaseOf(tagOf(release))).toEqual(release);
  expect(releaseOf(tagOf({ digest: release.digest }))).toEqual({ digest: release.digest });
  for (const tag of [undefined, "", "v1.0.1", `${release.commit}.short`]) expect(releaseOf(tag)).toBeUndefined();
});
