import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ask, newOrgToken, request } from "./support/api.ts";
import { type Program, isAtLeast, nodeProject, yamlProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

interface Deployment {
  deployment: { resources: { urn: string; taint?: boolean }[]; pending_operations?: unknown[] };
}

let token: string;
beforeAll(async () => {
  token = (await newOrgToken("reading")).value;
});

const program: Program = { things: [{ name: "a" }, { name: "b", dependsOn: ["a"] }, { name: "c" }] };
const urn = (project: string, name: string) => `urn:pulumi:dev::${project}::pulumi-nodejs:dynamic:Resource::${name}`;

describe("what an update said", () => {
  let runner: Terminal;
  let updateId: string;
  const S = "/api/stacks/acme/told/dev";
  beforeAll(async () => {
    runner = new Terminal({ project: nodeProject("told", program), token });
    await runner.pulumi("stack", "init", "acme/told/dev");
    await runner.pulumi("up", "--yes");
    ({ updateID: updateId } = await ask<{ updateID: string }>("GET", `${S}/updates/1`, { token }));
  });

  if (isAtLeast(259)) {
    it("pulumi stack history events shows a page, all of it, or what is asked for", async () => {
      expect(await runner.pulumi("stack", "history", "events", updateId)).toMatch(/resource-outputs.*create urn:pulumi:dev::told/);
      type Event = { resOutputsEvent?: { metadata: { urn: string } }; summaryEvent?: { resourceChanges: Record<string, number> } };
      const events = await runner.json<Event[]>("stack", "history", "events", updateId, "--all", "--output", "json");
      expect(events.at(-1)?.summaryEvent?.resourceChanges).toEqual({ create: 4 });
      const created = events.flatMap((event) => event.resOutputsEvent?.metadata.urn ?? []);
      expect(created).toEqual(expect.arrayContaining(program.things.map((thing) => urn("told", thing.name))));
      const one = await runner.json<Event[]>(
        "stack",
        "history",
        "events",
        updateId,
        "--urn",
        urn("told", "b"),
        "--all",
        "--output",
        "json",
      );
      expect(one.length).toBeGreaterThan(0);
      for (const event of one) expect(JSON.stringify(event)).toContain(urn("told", "b"));
      const some = await runner.json<Event[]>("stack", "history", "events", updateId, "--event-type", "5", "--output", "json");
      expect(some).toHaveLength(1);
    });

    it("pulumi stack history events --summary sums it up", async () => {
      const summary = await runner.json<Record<string, unknown>>("stack", "history", "events", updateId, "--summary", "--output", "json");
      expect(JSON.stringify(summary)).toContain('"create":4');
    });

    it("pulumi stack history events of a preview, by the id in the list of previews", async () => {
      const { updates } = await ask<{ updates: { updateID: string }[] }>("GET", `${S}/updates/0/previews`, { token });
      expect(updates).toHaveLength(1);
      expect(await runner.pulumi("stack", "history", "events", updates[0]!.updateID)).toMatch(/resource-pre.*create/);
    });
  }

  it("the history, its summaries and the resources agree with the CLI", async () => {
    const [newest] = await runner.json<{ version: number; resourceChanges: unknown }[]>("stack", "history", "--json");
    expect(newest).toMatchObject({ version: 1, resourceChanges: { create: 4 } });
    const { summary } = await ask<{ summary: string }>("GET", `/api/console${S.slice(4)}/updates/latest/summary`, { token });
    expect(summary).toMatch(/\+ {2}├─ pulumi-nodejs:dynamic:Resource +a +created/);
    expect(summary).toContain("    + 4 created\n\nUpdate succeeded");
    const { deployment } = await runner.json<Deployment>("stack", "export");
    const { resources } = await ask<{ resources: { resource: { urn: string } }[] }>("GET", `${S}/resources/latest`, { token });
    expect(resources.map(({ resource }) => resource.urn)).toEqual(deployment.resources.map((resource) => resource.urn));
    const one = await ask("GET", `${S}/resources/1/${encodeURIComponent(urn("told", "b"))}`, { token });
    expect(one).toMatchObject({ version: 1, resource: { resource: { urn: urn("told", "b"), dependencies: [urn("told", "a")] } } });
  });
});

describe("states from elsewhere", () => {
  const secret = newSecret();
  let source: Terminal;
  let file: string;
  beforeAll(async () => {
    const project = yamlProject("moved");
    source = new Terminal({ project, token });
    await source.pulumi("stack", "init", "acme/moved/dev");
    await source.pulumi("config", "set", "--secret", "password", secret);
    await source.pulumi("up", "--yes", "--skip-preview");
    file = join(project, "state.json");
    writeFileSync(file, await source.pulumi("stack", "export"));
    await source.pulumi("stack", "init", "acme/moved/copy");
  });

  it("pulumi stack import refuses another stack's resources, and takes them by force with secrets of its own", async () => {
    const runner = source;
    await runner.pulumi("stack", "select", "acme/moved/copy");
    expect((await runner.fails("stack", "import", "--file", file)).output).toContain("is from a different stack");
    if (!isAtLeast(259)) {
      // Older releases send the secrets unchanged, and `--force` only affects their own checks.
      const { output } = await runner.fails("stack", "import", "--force", "--file", file);
      expect(output).toContain("[400] cannot import deployment with encrypted secrets from a different stack");
      return;
    }
    await runner.pulumi("stack", "import", "--force", "--file", file);
    expect(await runner.pulumi("stack", "output", "password", "--show-secrets")).toBe(`${secret}\n`);
    expect(await runner.pulumi("stack", "export")).toContain('"stack": "copy"');
  });

  it("what a client sends with another stack's secrets is refused", async () => {
    await source.pulumi("stack", "select", "acme/moved/dev");
    const state = await source.json("stack", "export");
    const response = await request("POST", "/api/stacks/acme/moved/copy/import", { token, json: state });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      code: 400,
      message: "cannot import deployment with encrypted secrets from a different stack",
    });
    expect((await request("POST", "/api/stacks/acme/moved/dev/import", { token, json: state })).status).toBe(200);
  });
});

describe("more surgery on a state", () => {
  let runner: Terminal;
  const exported = () => runner.json<Deployment>("stack", "export");
  beforeAll(async () => {
    runner = new Terminal({ project: nodeProject("operated", program), token });
    await runner.pulumi("stack", "init", "acme/operated/dev");
    await runner.pulumi("up", "--yes", "--skip-preview");
  });

  if (isAtLeast(207)) {
    it("pulumi state taint and untaint", async () => {
      const tainted = async () =>
        (await exported()).deployment.resources.filter((resource) => resource.taint).map((resource) => resource.urn);
      await runner.pulumi("state", "taint", urn("operated", "c"), "--yes");
      expect(await tainted()).toEqual([urn("operated", "c")]);
      await runner.pulumi("state", "untaint", urn("operated", "c"), "--yes");
      expect(await tainted()).toEqual([]);
    });
  }

  it("pulumi state repair mends an order that no client takes", async () => {
    const state = await exported();
    const broken = { ...state, deployment: { ...state.deployment, resources: state.deployment.resources.toReversed() } };
    const before = state.deployment.resources.map((resource) => resource.urn);
    expect((await request("POST", "/api/stacks/acme/operated/dev/import", { token, json: broken })).status).toBe(200);
    expect((await runner.fails("preview")).output).toMatch(/integrity/);
    await runner.pulumi("state", "repair", "--yes");
    expect((await exported()).deployment.resources.map((resource) => resource.urn).sort()).toEqual(before.sort());
    await runner.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
  });

  it("pulumi state move takes a resource to another stack", async () => {
    await runner.pulumi("stack", "init", "acme/operated/other");
    await runner.pulumi("stack", "select", "acme/operated/dev");
    await runner.pulumi("state", "move", "--yes", "--source", "acme/operated/dev", "--dest", "acme/operated/other", urn("operated", "c"));
    expect((await exported()).deployment.resources.map((resource) => resource.urn)).not.toContain(urn("operated", "c"));
    const other = await runner.json<Deployment>("stack", "export", "--stack", "acme/operated/other");
    expect(other.deployment.resources.map((resource) => resource.urn)).toContain(urn("operated", "c").replace(":dev:", ":other:"));
  });
});
