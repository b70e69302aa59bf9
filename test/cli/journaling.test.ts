import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { type Program, editProgram, hasStash, nodeProject, yamlProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import { Terminal } from "./support/terminal.ts";

/** What happens to a stack: a program to run, a command, or the world changing under it. */
type Step = { up: Program; fails?: true } | { run: string[] } | { drift: string };

/** Path of the file that says what the world looks like; each stack has its own world. */
const DRIFT = "drift";

const scenarios: Record<string, Step[]> = {
  "secrets in resources, components and outputs": [
    {
      up: {
        things: [
          { name: "group", group: true, secret: "password" },
          { name: "keeper", parent: "group", secret: "password" },
        ],
        outputs: { password: { config: "password" }, where: { thing: "keeper" } },
      },
    },
  ],
  "parents, children and dependencies": [
    {
      up: {
        things: [
          { name: "outer", group: true },
          { name: "inner", group: true, parent: "outer" },
          { name: "a", parent: "inner" },
          { name: "b", parent: "a", dependsOn: ["a"] },
          { name: "c", dependsOn: ["a", "b"] },
        ],
      },
    },
    {
      up: {
        things: [
          { name: "outer", group: true },
          { name: "a", parent: "outer", aliases: ["a"] },
          { name: "c", dependsOn: ["a"] },
        ],
      },
    },
  ],
  "aliases: a resource and a component renamed": [
    {
      up: {
        things: [
          { name: "old-group", group: true },
          { name: "old", parent: "old-group" },
          { name: "next", dependsOn: ["old"] },
        ],
      },
    },
    {
      up: {
        things: [
          { name: "new-group", group: true, aliases: ["old-group"] },
          { name: "new", parent: "new-group", aliases: ["old"] },
          { name: "next", dependsOn: ["new"] },
        ],
      },
    },
  ],
  "protect set, kept and taken away": [
    { up: { things: [{ name: "a", protect: true }, { name: "b" }] } },
    {
      up: {
        things: [
          { name: "a", protect: true, props: { note: "changed" } },
          { name: "b", protect: true },
        ],
      },
    },
    { up: { things: [{ name: "a", protect: false, props: { note: "changed" } }] }, fails: true },
    {
      up: {
        things: [
          { name: "a", protect: false, props: { note: "changed" } },
          { name: "b", protect: false },
        ],
      },
    },
  ],
  "replaced, creating first and deleting first": [
    {
      up: {
        things: [
          { name: "create-first", props: { size: 1 } },
          { name: "delete-first", props: { size: 1, replaceFirst: "delete" } },
          { name: "after", dependsOn: ["create-first", "delete-first"] },
        ],
      },
    },
    {
      up: {
        things: [
          { name: "create-first", props: { size: 2 } },
          { name: "delete-first", props: { size: 2, replaceFirst: "delete" } },
          { name: "after", dependsOn: ["create-first", "delete-first"] },
        ],
      },
    },
  ],
  "deleted, by the program and by destroy --target": [
    { up: { things: [{ name: "a" }, { name: "b", dependsOn: ["a"] }, { name: "c", dependsOn: ["b"] }, { name: "d" }] } },
    { up: { things: [{ name: "a" }, { name: "d", props: { note: "changed" } }] } },
    { run: ["destroy", "--yes", "--target", "**d"] },
  ],
  "refresh: changed and gone": [
    {
      up: {
        things: [
          { name: "steady" },
          { name: "moving", dependsOn: ["steady"], props: { drift: DRIFT } },
          { name: "after", dependsOn: ["moving"] },
        ],
      },
    },
    { drift: "moved" },
    { run: ["refresh", "--yes"] },
    { drift: "gone" },
    { run: ["refresh", "--yes"] },
  ],
  "up --refresh": [
    { up: { things: [{ name: "steady" }, { name: "moving", dependsOn: ["steady"], props: { drift: DRIFT } }] } },
    { drift: "moved" },
    { run: ["up", "--yes", "--refresh"] },
  ],
  "a failure in the middle": [
    {
      up: {
        things: [{ name: "a" }, { name: "b", dependsOn: ["a"], props: { fails: "out of stock" } }, { name: "c", dependsOn: ["b"] }],
      },
      fails: true,
    },
    { up: { things: [{ name: "a" }, { name: "b", dependsOn: ["a"] }, { name: "c", dependsOn: ["b"] }] } },
  ],
};

describe("the state after journaling equals the state after checkpoints", () => {
  it.each(Object.entries(scenarios))("%s", async (_name, steps) => {
    const first = steps[0] as { up: Program };
    const secret = newSecret();
    const [journaled, checkpointed] = await Promise.all(
      ["journaled", "checkpointed"].map((stack) => play(nodeProject("parity", first.up), stack, secret, steps)),
    );
    expect(journaled).toEqual(checkpointed);
  });

  it("built-in resources of a YAML program", async () => {
    const secret = newSecret();
    const [journaled, checkpointed] = await Promise.all(
      ["journaled", "checkpointed"].map((stack) => play(yamlProject("parity"), stack, secret, [{ run: ["up", "--yes"] }])),
    );
    expect(journaled).toHaveLength(1);
    expect(journaled).toEqual(checkpointed);
    expect(JSON.stringify(journaled).includes("pulumi:index:Stash")).toBe(hasStash());
  });
});

/** @returns the exports after each step that wrote state, with what must differ made equal */
async function play(project: string, stack: string, secret: string, steps: Step[]): Promise<unknown[]> {
  const person = inject("people")["acme"]!["admin"]!;
  const env: Record<string, string> = stack === "checkpointed" ? { PULUMI_DISABLE_JOURNALING: "true" } : {};
  const terminal = new Terminal({ project, token: person, env });
  const name = `${stack}-${secret.slice(-8)}`;
  await terminal.pulumi("stack", "init", `acme/parity/${name}`);
  await terminal.pulumi("config", "set", "--secret", "password", secret);
  const exports: unknown[] = [];
  for (const step of steps) {
    if ("drift" in step) {
      writeFileSync(join(project, DRIFT), step.drift);
      continue;
    }
    if ("up" in step) editProgram(project, step.up);
    // One at a time, so that both runs do the same in the same order.
    const args = "up" in step ? ["up", "--yes", "--skip-preview"] : [...step.run, "--skip-preview"];
    const { code, stdout, stderr } = await terminal.run(...args, "--parallel=1");
    expect(code === 0, `${stdout}\n${stderr}`).toBe(!("fails" in step));
    exports.push(comparable(await terminal.pulumi("stack", "export"), name));
  }
  return exports;
}

interface Resource {
  urn: string;
  delete?: boolean;
  parent?: string;
  provider?: string;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
}

/** A state without what differs by nature: times, ids, ciphertexts, and the order in which independent resources were done. */
function comparable(text: string, stack: string): unknown {
  const state = JSON.parse(text.replaceAll(stack, "STACK"), (key, value: unknown) => {
    if (typeof value !== "string") return value;
    return ["time", "created", "modified", "id", "ciphertext"].includes(key) ? `(${key})` : value.replace(PROVIDER_ID, "(id)");
  }) as { deployment: { resources: Resource[] } };
  const { resources } = state.deployment;
  expectUsableOrder(resources);
  for (const resource of resources) {
    // A property that depends on nothing is listed so, or not at all.
    const dependent = Object.entries(resource.propertyDependencies ?? {}).filter(([, urns]) => urns.length > 0);
    resource.propertyDependencies = Object.fromEntries(dependent);
    resource.dependencies?.sort();
  }
  resources.sort((a, b) => (`${a.urn} ${a.delete}` < `${b.urn} ${b.delete}` ? -1 : 1));
  return state;
}

/** The end of `URN::ID` in a resource's `provider`. */
const PROVIDER_ID = /[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** The engine takes a state only when everything comes after what it needs. */
function expectUsableOrder(resources: Resource[]): void {
  const seen = new Set<string>();
  for (const { urn, parent, provider, dependencies = [] } of resources) {
    const needs = [...dependencies, ...(parent ? [parent] : []), ...(provider ? [provider.slice(0, provider.lastIndexOf("::"))] : [])];
    for (const need of needs) expect(seen, `${urn} comes before ${need}`).toContain(need);
    seen.add(urn);
  }
}
