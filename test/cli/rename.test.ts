import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { type Program, nodeProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

/** Parents, dependencies, secrets, a protected resource, and a secret output. */
const program: Program = {
  things: [
    { name: "group", group: true },
    { name: "first", parent: "group", props: { note: "<1> & more" } },
    { name: "second", dependsOn: ["first"], secret: "password", aliases: ["elder"] },
    { name: "kept", protect: true },
  ],
  outputs: { password: { config: "password" }, plain: { value: { list: [1, 2.5, "x"] } } },
};

describe("pulumi stack rename", () => {
  const secret = newSecret();
  let runner: Terminal;
  let before: unknown;
  beforeAll(async () => {
    const token = (await newOrgToken("rename")).value;
    runner = new Terminal({ project: nodeProject("ledger", program), token });
    await runner.pulumi("stack", "init", "acme/ledger/dev");
    await runner.pulumi("config", "set", "--secret", "password", secret);
    await runner.pulumi("up", "--yes", "--skip-preview");
    before = await runner.json("stack", "output", "--json", "--show-secrets");
    expect(before).toMatchObject({ password: secret });
  });

  const unchanged = async () => {
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
    expect(await runner.pulumi("preview", "--diff", "--expect-no-changes")).toMatch(/unchanged/);
    await runner.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes");
    expect(await runner.json("stack", "output", "--json", "--show-secrets")).toEqual(before);
  };

  it("leaves a stack in which nothing has changed", async () => {
    await runner.pulumi("stack", "rename", "prod");
    expect(await runner.pulumi("stack", "--show-name")).toBe("prod\n");
    expect(await runner.pulumi("stack", "export")).not.toContain("urn:pulumi:dev");
    expect(await runner.json("stack", "history", "--json")).toMatchObject([{ kind: "rename", version: 2 }, { kind: "update" }]);
    await unchanged();
    expect((await runner.fails("stack", "select", "acme/ledger/dev")).output).toContain("no stack named");
  });

  it("to another project, too", async () => {
    await runner.pulumi("stack", "rename", "acme/journal/prod");
    const file = join(runner.project, "Pulumi.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("ledger", "journal"));
    const config = join(runner.project, "Pulumi.prod.yaml");
    writeFileSync(config, readFileSync(config, "utf8").replaceAll("ledger:", "journal:"));
    await runner.pulumi("stack", "select", "acme/journal/prod");
    await unchanged();
    expect(await runner.json("stack", "tag", "ls", "--json")).toMatchObject({ "pulumi:project": "journal" });
  });

  it("keeps the older versions: they are shown with their secrets, and can be imported again", async () => {
    const shown = await runner.pulumi("stack", "export", "--version", "1", "--show-secrets");
    expect(shown).toContain(secret);
    expect(shown).toContain("urn:pulumi:prod::journal::");
    expect(shown).not.toMatch(/::ledger::|ledger-dev|"ledger"/);
    const file = join(runner.project, "first.json");
    await runner.pulumi("stack", "export", "--version", "1", "--file", file);
    await runner.pulumi("stack", "import", "--file", file);
    await unchanged();
  });

  it("to a name that is taken says so", async () => {
    await runner.pulumi("stack", "init", "acme/journal/other");
    await runner.pulumi("stack", "select", "acme/journal/prod");
    expect((await runner.fails("stack", "rename", "other")).output).toContain("[409] Conflict: Stack 'acme/journal/other' already exists");
  });

  it("leaves a stack that can be referred to under its new name, and destroyed", async () => {
    const reader = runner.with({
      project: nodeProject("rename-reader", { things: [], outputs: { password: { stack: "acme/journal/prod", output: "password" } } }),
    });
    await reader.pulumi("stack", "init", "acme/rename-reader/dev");
    await reader.pulumi("up", "--yes", "--skip-preview");
    expect(await reader.json("stack", "output", "--json", "--show-secrets")).toEqual({ password: secret });

    await runner.pulumi("state", "unprotect", "--all", "--yes");
    await runner.pulumi("destroy", "--yes", "--skip-preview");
    await runner.pulumi("stack", "rm", "--yes");
  });
});
