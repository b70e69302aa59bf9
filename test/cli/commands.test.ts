import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { ask, newOrgToken } from "./support/api.ts";
import { commandTree } from "./support/commandTree.ts";
import { type Trial, trials } from "./support/commands.ts";
import { readPage, writeColumn } from "./support/compatibility.ts";
import { yamlProject } from "./support/programs.ts";
import { Terminal } from "./support/terminal.ts";

const admin = inject("people")["acme"]!["admin"]!;
/** The page is only written on request, because it is reviewed like code: `UPDATE=1 npm run test:cli -- commands`. */
const update = process.env["UPDATE"] === "1";

/** No command may end with such an output, whatever it requests. */
const CRASH = /panic:|goroutine \d|SIGSEGV|unexpected end of JSON|invalid character|cannot unmarshal|\[0\]|\[5\d\d\]|\[401\]/;
/** The output that says plainly that the service has no such feature. */
const OUT_OF_SCOPE = /\[404\] Not Found|not supported by the backend/;

it("every command of the CLI does what docs/compatibility.md says", async () => {
  const { machine, person, places } = await prepare();
  const version = inject("cliVersion");
  const tree = await commandTree(machine);
  const found = new Map<string, string>();
  const faults: unknown[] = [];
  for (const trial of trials.filter(({ name }) => tree.includes(name))) {
    try {
      found.set(trial.name, await verdict(trial, trial.admin ? person : machine, places));
    } catch (fault) {
      faults.push(fault);
    }
  }
  if (faults.length > 0) throw new AggregateError(faults, faults.join("\n"));
  const untried = tree.filter((name) => !found.has(name));
  if (update) writeColumn(version, found);

  const { versions, verdicts } = readPage();
  // A version without a column is compared with the newest version that has one, for the commands that both have.
  const column = versions.includes(version) ? version : versions.at(-1)!;
  const said = new Map([...verdicts].flatMap(([command, cells]) => (cells.has(column) ? [[command, cells.get(column)!]] : [])));
  if (column === version) {
    expect(untried, "commands that test/cli/support/commands.ts does not try").toEqual([]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(said));
  } else {
    console.log(`${version} is not on the page; commands that ${column} does not have: ${untried.join(", ") || "none"}`);
    for (const [command, what] of found) if (said.has(command)) expect(what, command).toBe(said.get(command));
  }
});

async function verdict(trial: Trial, terminal: Terminal, places: Record<string, string>): Promise<string> {
  if ("not" in trial.run) return trial.run.not;
  const { says = /^/, refuses, empty } = trial;
  for (const line of trial.run) {
    const update = line.includes("UPDATE") ? await latestUpdate() : "";
    const role = line.includes("ROLE") ? await customRole() : "";
    const hooks = `/api/${line.startsWith("org") ? "orgs/acme" : "stacks/acme/commands/bystander"}/hooks`;
    const hook = line.includes("HOOK") ? await firstHook(hooks) : "";
    const event = line.includes("EVENT") ? await lastEvent(`${hooks}/${hook}`) : "";
    const known = { ...places, UPDATE: update, ROLE: role, HOOK: hook, EVENT: event };
    const filled = line.replaceAll(/[A-Z]{3,}/g, (place) => known[place as keyof typeof known] ?? place);
    const words = filled.split(" ").map((word) => (/^[\d*_]+$/.test(word) ? word.replaceAll("_", " ") : word));
    const { code, stdout, stderr } = await terminal.run(...words);
    const told = `pulumi ${line}\nended with ${code}\n${stdout}\n${stderr}`;
    expect(told).not.toMatch(CRASH);
    if (code !== 0 && OUT_OF_SCOPE.test(told) && !refuses) return "out of scope";
    if (refuses) expect(told).toMatch(refuses);
    else expect(code, told).toBe(0);
    expect(told).toMatch(empty ?? says);
  }
  return empty ? "harmless" : "works";
}

/** Prepares a project with two stacks, and the other objects that the commands need. */
async function prepare() {
  const project = yamlProject("commands");
  const write = (name: string, content: object | string) => {
    writeFileSync(join(project, name), typeof content === "string" ? content : JSON.stringify(content));
  };
  write("Pulumi.yaml", {
    name: "commands",
    runtime: "yaml",
    config: { password: { type: "string", secret: true } },
    outputs: { password: "${password}" },
  });
  const type = "test:index:Group";
  const root = "urn:pulumi:dev::commands::pulumi:pulumi:Stack::commands-dev";
  const group = (name: string) => ({ urn: `urn:pulumi:dev::commands::${type}::${name}`, custom: false, type, parent: root });
  const manifest = { time: "2026-01-01T00:00:00Z", magic: "", version: "" };
  const resources = [{ urn: root, custom: false, type: "pulumi:pulumi:Stack" }, group("a"), group("b")];
  write("state.json", { version: 3, deployment: { manifest, resources } });
  write("import.json", { resources: ["a", "b"].map((name) => ({ type, name, component: true })) });
  write("schema.json", { name: "made", version: "1.0.0" });
  write("empty.json", {});
  write("role.json", { __type: "PermissionDescriptorAllow", permissions: ["stack:read"] });
  write("README.md", "made");

  const newFolder = () => mkdtempSync(join(inject("directory"), "commands-"));
  const template = newFolder();
  writeFileSync(join(template, "Pulumi.yaml"), JSON.stringify({ name: "${PROJECT}", runtime: "yaml", template: { description: "made" } }));

  const json = { name: "commands-team", displayName: "Team of the commands", description: "" };
  await ask("POST", "/api/orgs/acme/teams/pulumi", { token: admin, json });
  const { value } = await newOrgToken("commands");
  const machine = new Terminal({ project, token: value, env: { PULUMI_CONFIG_PASSPHRASE: "" } });
  await machine.pulumi("stack", "init", "acme/commands/bystander", "--no-select");
  await machine.pulumi("config", "set", "--secret", "password", "hush", "--stack", "acme/commands/bystander");
  const backend = `file://${newFolder()}`;
  await machine.with({ url: backend, token: undefined }).pulumi("stack", "init", "organization/commands/elsewhere", "--no-select");

  const places = {
    URL: inject("url"),
    TEMPLATE: template,
    NEW: newFolder(),
    ANOTHER: newFolder(),
    BACKEND: backend,
    STACK: "acme/commands/bystander",
    ENV: "acme/default/dev",
  };
  return { machine, person: machine.with({ token: admin }), places };
}

/** Id of the role that an earlier command made. */
const customRole = async () =>
  (
    await ask<{ roles: { id: string; defaultIdentifier: string }[] }>("GET", "/api/orgs/acme/roles?uxPurpose=role", { token: admin })
  ).roles.find((role) => role.defaultIdentifier === "")!.id;

const firstHook = async (path: string) => (await ask<{ name: string }[]>("GET", path, { token: admin }))[0]!.name;
const lastEvent = async (hook: string) => (await ask<{ id: string }[]>("GET", `${hook}/deliveries`, { token: admin }))[0]!.id;

const latestUpdate = async () =>
  (await ask<{ activeUpdate: string }>("GET", "/api/stacks/acme/commands/dev", { token: admin })).activeUpdate;
