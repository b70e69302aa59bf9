import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";

/** A resource of a Node program; things.cjs implements it. */
export interface Thing {
  name: string;
  /** A component, which groups others. */
  group?: true;
  /** A resource of the provider in world.cjs, which supports import and read. */
  place?: true;
  /** Id of a place that already exists and is only read. */
  found?: string;
  parent?: string;
  dependsOn?: string[];
  deletedWith?: string;
  replaceWith?: string;
  aliases?: string[];
  /** Resource options, by their own names. */
  protect?: boolean;
  import?: string;
  retainOnDelete?: boolean;
  ignoreChanges?: string[];
  additionalSecretOutputs?: string[];
  customTimeouts?: { create?: string };
  hideDiffs?: string[];
  replacementTrigger?: unknown;
  /** Name of the secret configuration value that the resource gets as `password`. */
  secret?: string;
  props?: {
    /** A name: the creation writes `<gate>.reached` and waits for `<gate>.open`. */
    gate?: string;
    /** Milliseconds that the creation takes. */
    takes?: number;
    /** The creation fails with this message. */
    fails?: string;
    /** A change of it replaces the resource. */
    size?: number;
    replaceFirst?: "create" | "delete";
    /** A path. A refresh finds the file's text as `note`; if the text is "gone", the resource no longer exists. */
    drift?: string;
    /** The deletion fails while a file with this name exists. */
    stuck?: string;
    note?: string;
  };
}

export interface Program {
  things: Thing[];
  outputs?: Record<string, { config: string } | { thing: string } | { value: unknown } | { stack: string; output: string }>;
}

const newFolder = () => mkdtempSync(join(inject("directory"), "project-"));

/** Whether the CLI is at least version 3.`minor`. */
export function isAtLeast(minor: number): boolean {
  const [itsMajor = 0, itsMinor = 0] = inject("cliVersion").split(".").map(Number);
  return itsMajor > 3 || itsMinor >= minor;
}

/** Whether this CLI has `pulumi:index:Stash`, the only resource that needs no provider. */
export const hasStash = (): boolean => isAtLeast(208);

/** @returns the folder of a new YAML project, with a secret among its outputs */
export function yamlProject(name: string): string {
  const folder = newFolder();
  const program = {
    name,
    runtime: "yaml",
    config: { password: { type: "string", secret: true } },
    ...(hasStash() && {
      resources: {
        first: { type: "pulumi:index:Stash", properties: { input: { hello: "world", list: ["a", 1, 2.5] } } },
        second: { type: "pulumi:index:Stash", properties: { input: "${password}" }, options: { dependsOn: ["${first}"] } },
      },
    }),
    outputs: { greeting: "hello", ...(hasStash() && { kept: "${first.output}" }), password: "${password}" },
  };
  // The file contains JSON, which is valid YAML.
  writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify(program, null, 2));
  return folder;
}

/** @returns the folder of a new Node project */
export function nodeProject(name: string, program: Program): string {
  const folder = newFolder();
  const runtime = { name: "nodejs", options: { typescript: false } };
  const plugins = { providers: [{ name: "world", path: "world" }] };
  writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify({ name, runtime, plugins }));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, dependencies: { "@pulumi/pulumi": "*" } }));
  copyFileSync(fileURLToPath(new URL("things.cjs", import.meta.url)), join(folder, "index.js"));
  mkdirSync(join(folder, "world"));
  copyFileSync(fileURLToPath(new URL("world.cjs", import.meta.url)), join(folder, "world/pulumi-resource-world"));
  chmodSync(join(folder, "world/pulumi-resource-world"), 0o755);
  symlinkSync(inject("nodeModules"), join(folder, "node_modules"));
  editProgram(folder, program);
  return folder;
}

/** A gate that the creation of a resource waits for, see `Thing.props.gate`. */
export const gateOf = (folder: string, name = "gate") => ({
  reached: () => existsSync(join(folder, `${name}.reached`)),
  open: () => writeFileSync(join(folder, `${name}.open`), ""),
});

/** Changes the resources of a Node program for the next `up` and later ones. */
export const editProgram = (folder: string, program: Program): void =>
  writeFileSync(join(folder, "things.json"), JSON.stringify(program, null, 2));
