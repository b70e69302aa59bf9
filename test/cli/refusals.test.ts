import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ask, newOrgToken } from "./support/api.ts";
import { isAtLeast, yamlProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

/** Tests what the CLI prints about a refusal, and that nothing was changed. */
const secret = newSecret();
let runner: Terminal;
let token: string;
beforeAll(async () => {
  token = (await newOrgToken("refusals")).value;
  runner = new Terminal({ project: yamlProject("refusals"), token });
  await runner.pulumi("stack", "init", "acme/refusals/dev");
  await runner.pulumi("config", "set", "--secret", "password", secret);
  await runner.pulumi("up", "--yes", "--skip-preview");
});

const stacks = async () => (await runner.json<{ name: string }[]>("stack", "ls", "--json")).map(({ name }) => name);

describe("a feature that is not here", () => {
  it.runIf(isAtLeast(207))("pulumi stack init --remote-config", async () => {
    const { output } = await runner.fails("stack", "init", "acme/refusals/remote", "--remote-config");
    expect(output).toContain("[400] Bad Request: environments (Pulumi ESC) are not supported here");
    expect(await stacks()).toEqual(["dev"]);
    expect(await runner.pulumi("config", "get", "password")).toBe(`${secret}\n`);
  });

  it("environments in the stack's file", async () => {
    const file = join(runner.project, "Pulumi.dev.yaml");
    const before = readFileSync(file, "utf8");
    writeFileSync(file, `environment:\n  - web/dev\n${before}`);
    const { output } = await runner.fails("preview");
    writeFileSync(file, before);
    expect(output).toContain("Environments (Pulumi ESC) are not supported: a stack keeps its configuration in Pulumi.STACK.yaml");
  });

  it.runIf(isAtLeast(259))("pulumi deployment list", async () => {
    expect((await runner.fails("deployment", "list")).output).toContain("Deployments, schedules and drift detection are out of scope");
  });

  it.runIf(isAtLeast(259))("a coding agent without a token is told that it needs one", async () => {
    const agent = new Terminal({ project: runner.project, env: { CLAUDECODE: "1" } });
    expect((await agent.fails("stack", "ls")).output).toContain("set PULUMI_ACCESS_TOKEN to an access token of your organization");
  });
});

it("a team that is not there: pulumi stack init --teams", async () => {
  const { output } = await runner.fails("stack", "init", "acme/refusals/teams", "--teams", "nobody");
  expect(output).toContain("Team 'nobody' not found");
  expect(await stacks()).toEqual(["dev"]);
});

describe("a right that is missing", () => {
  it("is named: by the role of a read-only token", async () => {
    const reader = runner.with({ token: (await newOrgToken("reader", { more: { roleID: "read-only" } })).value });
    const why = (right: string) =>
      `[403] You do not have permission to perform this operation: the role of this access token is read-only, which does not include the right ${right}; an administrator of acme can grant it.`;
    expect((await reader.fails("stack", "init", "acme/refusals/new")).output).toContain(why("stack:create"));
    expect((await reader.fails("stack", "rename", "new")).output).toContain(why("stack:rename"));
    expect((await reader.fails("stack", "tag", "set", "a", "b")).output).toContain(why("stack_tags:update"));
  });

  it("is named: by the limits of a token", async () => {
    const more = { stacks: [{ project: "refusals", stack: "dev", access: "read" }] };
    const limited = runner.with({ token: (await newOrgToken("limited", { more })).value });
    const why = (right: string, stack = "dev") =>
      `this access token is limited to certain stacks, and its limits do not give the right ${right} on refusals/${stack}; an administrator of acme can change that.`;
    expect((await limited.fails("up", "--yes")).output).toContain(why("stack:preview"));
    expect((await limited.fails("stack", "init", "acme/refusals/new")).output).toContain(why("stack:create", "new"));
  });
});

describe("a state that contradicts itself", () => {
  it("is not imported by force, and the message says what to do", async () => {
    const file = join(runner.project, "state.json");
    await runner.pulumi("stack", "export", "--file", file);
    const state = JSON.parse(readFileSync(file, "utf8")) as { deployment: { manifest: { magic: string; version: string } } };
    state.deployment.manifest.magic = "wrong";
    writeFileSync(file, JSON.stringify(state));
    await runner.fails("stack", "import", "--file", file);
    expect((await runner.fails("stack", "import", "--force", "--file", file)).output).toContain(
      'set both manifest.magic and manifest.version to ""',
    );
    Object.assign(state.deployment.manifest, { magic: "", version: "" });
    writeFileSync(file, JSON.stringify(state));
    await runner.pulumi("stack", "import", "--file", file);
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
  });
});

it("a page of the history beyond the last is empty", async () => {
  expect(await runner.json("stack", "history", "--json", "--page", "10000000", "--page-size", "10")).toEqual([]);
  expect(await runner.json("stack", "history", "--json", "--page", "1", "--page-size", "1")).toHaveLength(1);
});

it("pulumi cancel of a stack on which nothing runs says so", async () => {
  const { output } = await runner.fails("cancel", "--yes", "acme/refusals/dev");
  expect(output).toMatch(/has (already )?(completed|never been updated)|no update/i);
  expect(await ask("GET", "/api/stacks/acme/refusals/dev", { token })).not.toHaveProperty("currentOperation");
});
