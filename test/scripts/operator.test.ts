import { describe, expect, it } from "vitest";
import { type Answer, runStubbed } from "./support/checkout.ts";

const env = { TOKEN_PEPPER: "a pepper of these tests that is long enough" };
const execute = "d1 execute DB --remote --yes --file";

const second = '\n[[d1_databases]]\nbinding = "DB_2"\ndatabase_name = "stackpass-2"\nmigrations_dir = "migrations"\n';

async function run(script: string, args: string[], answer: Answer = {}, environment: Record<string, string> = env) {
  return runStubbed(script, args, { [execute]: [answer] }, environment);
}

const admin = (login: string, org = "acme") => run("first-admin", ["--org", org, `--login=${login}`]);

describe("npm run first-admin", () => {
  it("prints one token, and nothing of wrangler's output", async () => {
    const warning = "▲ [WARNING] ⚠️ This process may take some time, during which your D1 database will be unavailable to serve queries.\n";
    const { code, stdout, stderr, calls } = await run("first-admin", ["--org", "acme", "--login", "ada"], { stdout: warning });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^ada is the administrator of acme\. [^]*\n\n {2}pul-[0-9a-f]{40}\n\n$/);
    expect(stderr).toBe("");
    expect(calls).toHaveLength(1);
  });

  it.each([
    ["", "is needed"],
    ["ab", "has 2 characters: a name has 3 to 40"],
    ["a".repeat(41), "has 41 characters: a name has 3 to 40"],
    ["ada@x.y", "is an address: a login is a short name"],
    ["ada.lovelace", 'contains "."'],
    ["-ada", "begins or ends with - or _"],
  ])("says what is wrong with the login %j, and writes nothing", async (login, message) => {
    const { code, stderr, calls } = await admin(login);
    expect(code).toBe(2);
    expect(stderr).toContain("--login");
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(calls).toEqual([]);
  });

  it("says which of the two names is wrong", async () => {
    expect((await admin("ada", "a.b")).stderr).toContain('--org "a.b" contains "."');
    expect((await admin("Acme")).stderr).toContain("must be different");
  });

  it.each([
    ["UNIQUE constraint failed: index 'organizations_name': SQLITE_CONSTRAINT", "An organization with that name exists already."],
    ["UNIQUE constraint failed: index 'users_login': SQLITE_CONSTRAINT", "A person with that login exists already."],
    ["NOT NULL constraint failed: audit_outbox.body: SQLITE_CONSTRAINT", "There is no organization with that name."],
    ["In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment variable", "npx wrangler login"],
    ["internal error", "internal error"],
  ])("says why the database accepted nothing: %s", async (text, message) => {
    const warning = "▲ [WARNING] your D1 database will be unavailable\n";
    const { code, stdout, stderr } = await run("first-admin", ["--org", "acme", "--login", "ada"], {
      code: 1,
      stdout: warning,
      stderr: `\n✘ [ERROR] ${text}\n\n🪵  Logs were written to "/somewhere/wrangler.log"\n`,
    });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stdout + stderr).not.toMatch(/pul-|WARNING|Logs were written/);
  });

  it("adds an administrator to an organization that exists, with a token for a day", async () => {
    const { code, stdout, calls } = await run("first-admin", ["--existing", "--org", "acme", "--login", "rescuer"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^rescuer is an administrator of acme [^]* valid for a day:\n\n {2}pul-[0-9a-f]{40}\n\n$/);
    expect(calls).toHaveLength(1);
  });

  it("needs the deployment's pepper, from its file of secrets or the environment", async () => {
    const none = await run("account", ["--login", "mel"], {}, { TOKEN_PEPPER: "" });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("--secrets-file") as string, calls: [] });
    expect(await run("account", ["--login", "mel", "--secrets-file", "/none"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--secrets-file cannot be read") as string,
      calls: [],
    });
    const short = await run("account", ["--login", "mel"], {}, { TOKEN_PEPPER: "short" });
    expect(short).toMatchObject({ code: 2, stderr: expect.stringContaining("at least 32 characters") as string, calls: [] });
  });
});

describe("with several databases", () => {
  const count = (n: number): Answer => ({ stdout: `[{ "results": [{ "organizations": ${n} }], "success": true }]` });
  const asks = (binding: string) => `d1 execute ${binding} --remote --json --command SELECT count(*)`;

  it.each([
    ["first-admin", ["--org", "Acme", "--login", "ada"], "'acme', 'ada'"],
    ["account", ["--login", "Mel"], "'mel'"],
  ])("npm run %s refuses a name that an organization elsewhere has", async (script, args, names) => {
    const free = await runStubbed(script, args, { [asks("DB_2")]: [count(0)] }, env, second);
    expect(free.code, free.stderr).toBe(0);
    expect(free.calls).toEqual([
      expect.stringContaining(`${asks("DB_2")} AS organizations FROM organizations WHERE lower(name) IN (${names})`),
      expect.stringContaining(execute),
    ]);
    const taken = await runStubbed(script, args, { [asks("DB_2")]: [count(1)] }, env, second);
    expect(taken).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("an organization in the database DB_2 has the name") as string,
    });
    expect(taken.calls).toHaveLength(1);
  });

  it("npm run edition changes the organization in the only database that has it", async () => {
    const changes = "d1 execute DB_2 --remote --yes --json --command UPDATE organizations";
    const edition = (first: number, other: number) =>
      runStubbed(
        "edition",
        ["--org", "east", "--edition", "team"],
        { [asks("DB")]: [count(first)], [asks("DB_2")]: [count(other)], [changes]: [{ stdout: '"changed_organization": "east"' }] },
        {},
        second,
      );
    const done = await edition(0, 1);
    expect(done).toMatchObject({ code: 0, stdout: "east: team\n" });
    expect(done.calls.filter((line) => line.startsWith("d1 "))).toEqual([
      expect.stringContaining(asks("DB")),
      expect.stringContaining(asks("DB_2")),
      expect.stringContaining(changes),
    ]);
    expect(await edition(0, 0)).toMatchObject({ code: 2, stderr: expect.stringContaining("there is no organization east") as string });
    const twice = await edition(1, 1);
    expect(twice).toMatchObject({ code: 2, stderr: expect.stringContaining("DB and DB_2 have an organization east each") as string });
    expect(twice.calls).toHaveLength(2);
  });
});
