import { mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import type { Terminal } from "./terminal.ts";

/** Groups that also do something when they are called without a subcommand; the others only print their help. */
const doubles = new Set(
  "about,api,config,do,env tag,env version,env version tag,insights account scan,logs,neo,org,org search,stack,stack history".split(","),
);

/** Newer releases spell commands out; the short names still work. */
const spelledOut: Record<string, string> = { ls: "list", rm: "remove", "rm-all": "remove-all", cp: "copy", mv: "move" };
const renamed: Record<string, string> = { "stack init": "stack new", "state delete": "state remove" };

interface Menu {
  commands?: Record<string, Menu>;
}

/** Every command of the installed CLI by its newest name, and the hidden commands if the CLI lists them. */
export async function commandTree(terminal: Terminal): Promise<string[]> {
  const found = (await fromSpec(terminal)) ?? (await fromManual(terminal));
  const names = found.map((name) => {
    const long = name.split(" ").map((word) => spelledOut[word] ?? word);
    return renamed[long.join(" ")] ?? long.join(" ");
  });
  const isGroup = (name: string) => names.some((other) => other.startsWith(`${name} `));
  return names.filter((name) => !isGroup(name) || doubles.has(name)).toSorted();
}

async function fromSpec(terminal: Terminal): Promise<string[] | undefined> {
  const { code, stdout } = await terminal.run("generate-cli-spec");
  if (code !== 0) return undefined;
  const below = ({ commands = {} }: Menu, path: string[]): string[] =>
    Object.entries(commands).flatMap(([word, menu]) => [[...path, word].join(" "), ...below(menu, [...path, word])]);
  return below(JSON.parse(stdout) as Menu, []);
}

/** Older releases write one page for each visible command: `pulumi_stack_ls.md`. */
async function fromManual(terminal: Terminal): Promise<string[]> {
  const folder = mkdtempSync(join(inject("directory"), "manual-"));
  await terminal.pulumi("gen-markdown", folder);
  return readdirSync(folder)
    .map((file) =>
      file
        .replace(/^pulumi_?/, "")
        .replace(/\.md$/, "")
        .replaceAll("_", " "),
    )
    .filter(Boolean);
}
