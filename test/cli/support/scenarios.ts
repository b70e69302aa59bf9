import type { Program } from "./programs.ts";

/** A step of a scenario: a program to run, a command, a crash, or a change of the resources outside of Pulumi. */
export type Step =
  | { up: Program; with?: string[]; fails?: true }
  /** The same folder makes another stack, which later programs call `OTHER`. */
  | { other: Program }
  /** An up whose CLI is killed while it waits at the program's gate; the stack is freed by `pulumi cancel`. */
  | { killed: Program }
  /** `STACK` is replaced by the stack's name. */
  | { run: string[]; fails?: true }
  /** Writes a file into the project, or deletes it. */
  | { file: string; text: string | undefined };

/** Path of the file with the real state of a resource, which a refresh reads; each stack has its own file. */
const DRIFT = "drift";
/** While this file exists, a resource that names it cannot be deleted. */
const STUCK = "stuck";

/** One scenario for each kind of state that a stack can end with. */
export const scenarios: Record<string, Step[]> = {
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
    { run: ["destroy", "--yes", "--target", "**::d"] },
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
    { file: DRIFT, text: "moved" },
    { run: ["refresh", "--yes"] },
    { file: DRIFT, text: "gone" },
    { run: ["refresh", "--yes"] },
  ],
  "up --refresh": [
    { up: { things: [{ name: "steady" }, { name: "moving", dependsOn: ["steady"], props: { drift: DRIFT } }] } },
    { file: DRIFT, text: "moved" },
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
  "a failed deletion after a replacement created first": [
    {
      up: {
        things: [
          { name: "old-and-new", props: { size: 1, stuck: STUCK } },
          { name: "after", dependsOn: ["old-and-new"] },
        ],
      },
    },
    { file: STUCK, text: "" },
    {
      up: {
        things: [
          { name: "old-and-new", props: { size: 2, stuck: STUCK } },
          { name: "after", dependsOn: ["old-and-new"] },
        ],
      },
      fails: true,
    },
    { file: STUCK, text: undefined },
    {
      up: {
        things: [
          { name: "old-and-new", props: { size: 2, stuck: STUCK } },
          { name: "after", dependsOn: ["old-and-new"] },
        ],
      },
    },
  ],
  "a failed creation after a replacement deleted first": [
    {
      up: {
        things: [
          { name: "gap", props: { size: 1, replaceFirst: "delete" } },
          { name: "after", dependsOn: ["gap"] },
        ],
      },
    },
    {
      up: {
        things: [
          { name: "gap", props: { size: 2, replaceFirst: "delete", fails: "out of stock" } },
          { name: "after", dependsOn: ["gap"] },
        ],
      },
      fails: true,
    },
    {
      up: {
        things: [
          { name: "gap", props: { size: 2, replaceFirst: "delete" } },
          { name: "after", dependsOn: ["gap"] },
        ],
      },
    },
  ],
  "an operation that was pending when the CLI was killed": [
    {
      killed: {
        things: [
          { name: "before" },
          { name: "held", dependsOn: ["before"], props: { gate: "gate" } },
          { name: "after", dependsOn: ["held"] },
        ],
      },
    },
    // An unrelated update keeps the pending operation, and a refresh with this flag clears it.
    { up: { things: [{ name: "before", props: { note: "changed" } }] } },
    { run: ["refresh", "--yes", "--clear-pending-creates"] },
  ],
  "targets and exclusions": [
    { up: { things: [{ name: "a" }, { name: "b" }] } },
    {
      up: { things: [{ name: "a", props: { note: "changed" } }, { name: "b", props: { note: "changed" } }, { name: "new" }] },
      with: ["--target", "**::a"],
    },
    { run: ["refresh", "--yes", "--target", "**::b"] },
  ],
  "imported and only read": [
    {
      up: {
        things: [
          { name: "adopted", place: true, import: "abcd", props: { size: 4 } },
          { name: "seen", place: true, found: "abc" },
        ],
      },
    },
    { up: { things: [{ name: "adopted", place: true, props: { size: 5 } }] } },
    { run: ["import", "world:index:Place", "later", "abcdef", "--yes", "--generate-code=false"] },
  ],
  "a reference to another stack, with a secret": [
    { other: { things: [], outputs: { greeting: { value: "hello" }, password: { config: "password" } } } },
    {
      up: {
        things: [{ name: "a" }],
        outputs: { greeting: { stack: "OTHER", output: "greeting" }, password: { stack: "OTHER", output: "password" } },
      },
    },
  ],
  "deleted with another, kept when deleted, and other options": [
    {
      up: {
        things: [
          { name: "host", additionalSecretOutputs: ["note"], customTimeouts: { create: "5m" }, props: { note: "hidden" } },
          { name: "guest", deletedWith: "host", props: { stuck: STUCK } },
          { name: "kept", retainOnDelete: true, ignoreChanges: ["note"], props: { note: "first" } },
        ],
      },
    },
    { up: { things: [{ name: "host" }, { name: "kept", retainOnDelete: true, ignoreChanges: ["note"], props: { note: "second" } }] } },
    { run: ["destroy", "--yes"] },
  ],
};

/** Scenarios with features that older releases and their states lack: the state lists the features that it needs. */
export const recentScenarios: Record<string, Step[]> = {
  "tainted by hand": [
    { up: { things: [{ name: "a" }, { name: "b", dependsOn: ["a"] }] } },
    { run: ["state", "taint", "urn:pulumi:STACK::same::pulumi-nodejs:dynamic:Resource::a", "--yes"] },
    { up: { things: [{ name: "a" }, { name: "b", dependsOn: ["a"], props: { note: "changed" } }] }, with: ["--target", "**::b"] },
    { up: { things: [{ name: "a" }, { name: "b", dependsOn: ["a"], props: { note: "changed" } }] } },
  ],
  "replaced with another and by a trigger": [
    {
      up: {
        things: [
          { name: "a", props: { size: 1 } },
          { name: "b", replaceWith: "a", hideDiffs: ["note"] },
          { name: "c", replacementTrigger: 1 },
        ],
      },
    },
    {
      up: {
        things: [
          { name: "a", props: { size: 2 } },
          { name: "b", replaceWith: "a", hideDiffs: ["note"] },
          { name: "c", replacementTrigger: 2 },
        ],
      },
    },
  ],
};
