import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { type Program, editProgram, isAtLeast, nodeProject, yamlProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

interface Deployment {
  version: number;
  deployment: { resources: { urn: string; protect?: boolean; dependencies?: string[]; outputs?: Record<string, unknown> }[] };
}

let token: string;
beforeAll(async () => {
  token = (await newOrgToken("stacks")).value;
});

describe("stacks and their tags", () => {
  const secret = newSecret();
  let runner: Terminal;
  beforeAll(async () => {
    runner = new Terminal({ project: yamlProject("inventory"), token });
    await runner.pulumi("stack", "init", "acme/inventory/dev");
    await runner.pulumi("stack", "init", "acme/inventory/prod");
    const other = new Terminal({ project: yamlProject("elsewhere"), token });
    await other.pulumi("stack", "init", "acme/elsewhere/dev");
  });

  it("pulumi stack tag set, get, ls and rm", async () => {
    await runner.pulumi("stack", "tag", "set", "owner", "platform & co");
    await runner.pulumi("stack", "tag", "set", "owner:since", "2026");
    expect(await runner.pulumi("stack", "tag", "get", "owner")).toBe("platform & co\n");
    expect(await runner.json("stack", "tag", "ls", "--json")).toMatchObject({
      owner: "platform & co",
      "owner:since": "2026",
      "pulumi:project": "inventory",
      "pulumi:runtime": "yaml",
    });
    await runner.pulumi("stack", "tag", "rm", "owner:since");
    expect(await runner.json("stack", "tag", "ls", "--json")).not.toHaveProperty("owner:since");
  });

  it("pulumi stack ls lists the project's stacks; by organization, project and tag too", async () => {
    const names = async (...args: string[]) =>
      (await runner.json<{ name: string }[]>("stack", "ls", "--json", ...args)).map((stack) => stack.name);
    expect(await names()).toEqual(["dev", "prod"]);
    expect(await names("--all")).toEqual(expect.arrayContaining(["dev", "prod", "acme/elsewhere/dev"]));
    expect(await names("--organization", "acme", "--project", "elsewhere")).toEqual(["acme/elsewhere/dev"]);
    expect(await names("--tag", "owner=platform & co")).toEqual(["prod"]);
    expect(await names("--tag", "owner=nobody")).toEqual([]);
  });

  it("pulumi stack select switches, and with --create makes", async () => {
    await runner.pulumi("stack", "select", "dev");
    expect(await runner.pulumi("stack", "--show-name")).toBe("dev\n");
    await runner.pulumi("stack", "select", "--create", "acme/inventory/staging");
    expect(await runner.pulumi("stack", "--show-name")).toBe("staging\n");
    expect((await runner.fails("stack", "select", "nothing")).output).toContain("no stack named 'nothing' found");
    expect((await runner.fails("stack", "init", "acme/inventory/staging")).output).toMatch(/stack '.*staging' already exists/);
  });

  it("pulumi stack select finds a stack whatever the case of its name, and calls it as it was written", async () => {
    await runner.pulumi("stack", "init", "acme/inventory/Mixed");
    for (const name of ["acme/inventory/mixed", "MIXED", "mIxEd"]) {
      await runner.pulumi("stack", "select", "--create", name);
      expect(await runner.pulumi("stack", "--show-name")).toBe("Mixed\n");
    }
    await runner.pulumi("config", "set", "--secret", "password", secret, "--stack", "acme/inventory/mixed");
    await runner.pulumi("up", "--yes", "--skip-preview", "--stack", "acme/inventory/mixed");
    expect(await runner.pulumi("stack", "export", "--stack", "MIXED")).not.toContain("urn:pulumi:mixed");
    await runner.pulumi("up", "--yes", "--skip-preview", "--stack", "acme/inventory/Mixed", "--expect-no-changes");
    await runner.pulumi("destroy", "--yes", "--skip-preview", "--stack", "mixed");
    await runner.pulumi("stack", "rm", "--yes", "--stack", "mixed");
  });

  if (isAtLeast(207)) {
    it("pulumi project ls lists the projects", async () => {
      const projects = await runner.json<{ name: string }[]>("project", "ls", "--json", "--organization", "acme");
      expect(projects.map((project) => project.name)).toEqual(expect.arrayContaining(["inventory", "elsewhere"]));
    });
  }

  it("pulumi preview shows and writes nothing", async () => {
    await runner.pulumi("stack", "select", "acme/inventory/dev");
    await runner.pulumi("config", "set", "--secret", "password", secret);
    expect(await runner.pulumi("preview")).toMatch(/\d to create/);
    expect(await runner.json("stack", "history", "--json")).toEqual([]);
    expect(await runner.json("stack", "export")).toMatchObject({ deployment: {} });
  });

  it("pulumi up -m keeps its message, and pulumi stack names the last update", async () => {
    await runner.pulumi("up", "--yes", "--skip-preview", "-m", "first <light>");
    expect(await runner.json("stack", "history", "--json")).toMatchObject([{ version: 1, message: "first <light>" }]);
    expect(await runner.pulumi("stack")).toMatch(/Last updated:/);
  });

  it("pulumi refresh is a version of its own", async () => {
    await runner.pulumi("refresh", "--yes", "--skip-preview");
    expect(await runner.json("stack", "history", "--json")).toMatchObject([{ version: 2, kind: "refresh" }, { version: 1 }]);
  });

  it("pulumi config refresh brings back the configuration of the last update, also when the state was edited since", async () => {
    await runner.pulumi("config", "set", "colors", "--path", "--plaintext", "plain");
    await runner.pulumi("config", "set", "nested.list[0]", "--path", "one");
    await runner.pulumi("up", "--yes", "--skip-preview");
    const file = join(runner.project, "Pulumi.dev.yaml");
    const before = await runner.json("config", "--json", "--show-secrets");
    await runner.pulumi("state", "unprotect", "--all", "--yes");
    rmSync(file);
    await runner.pulumi("config", "refresh", "--force");
    expect(await runner.json("config", "--json", "--show-secrets")).toEqual(before);
    expect(before).toMatchObject({ "inventory:password": { value: secret }, "inventory:colors": { value: "plain" } });
  });

  it("pulumi stack export | import brings back an older state as a new version", async () => {
    const old = join(runner.project, "old.json");
    writeFileSync(old, await runner.pulumi("stack", "export", "--version", "1"));
    await runner.pulumi("destroy", "--yes", "--skip-preview");
    expect((await runner.json<Deployment>("stack", "export")).deployment.resources ?? []).toEqual([]);
    await runner.pulumi("stack", "import", "--file", old);
    // The CLI encrypts the secrets again when it imports.
    const masked = (text: string) => text.replaceAll(/"ciphertext": ".*?"/g, '"ciphertext": ""');
    expect(masked(await runner.pulumi("stack", "export"))).toBe(masked(readFileSync(old, "utf8")));
    expect(await runner.json<unknown[]>("stack", "history", "--json")).toHaveLength(6);
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
  });

  it("pulumi stack rm --force removes a stack that still has resources", async () => {
    await runner.pulumi("stack", "rm", "--yes", "--force", "acme/inventory/dev");
    expect((await runner.fails("stack", "select", "dev")).output).toContain("no stack named 'dev' found");
  });
});

describe("surgery on a state", () => {
  const program: Program = { things: [{ name: "a", protect: true }, { name: "b" }, { name: "c", dependsOn: ["b"] }] };
  let runner: Terminal;
  const urn = (name: string) => `urn:pulumi:dev::surgery::pulumi-nodejs:dynamic:Resource::${name}`;
  const resource = async (name: string) => {
    const { deployment } = await runner.json<Deployment>("stack", "export");
    return deployment.resources.find((found) => found.urn.endsWith(`::${name}`));
  };
  beforeAll(async () => {
    runner = new Terminal({ project: nodeProject("surgery", program), token });
    await runner.pulumi("stack", "init", "acme/surgery/dev");
    await runner.pulumi("up", "--yes", "--skip-preview");
  });

  it("pulumi state unprotect", async () => {
    expect((await resource("a"))?.protect).toBe(true);
    await runner.pulumi("state", "unprotect", urn("a"), "--yes");
    expect((await resource("a"))?.protect).toBeUndefined();
  });

  it("pulumi state rename", async () => {
    await runner.pulumi("state", "rename", urn("b"), "renamed", "--yes");
    expect(await resource("b")).toBeUndefined();
    expect((await resource("c"))?.dependencies).toEqual([urn("renamed")]);
  });

  it("pulumi state delete", async () => {
    expect((await runner.fails("state", "delete", urn("renamed"), "--yes")).output).toMatch(/depend/);
    await runner.pulumi("state", "delete", urn("c"), "--yes");
    await runner.pulumi("state", "delete", urn("renamed"), "--yes");
    expect(await resource("renamed")).toBeUndefined();
    expect(await resource("a")).toBeDefined();
  });

  it("pulumi up works on what is left", async () => {
    editProgram(runner.project, { things: [{ name: "a" }] });
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
  });
});
