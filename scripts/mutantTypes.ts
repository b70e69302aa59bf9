import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Edit, type Mutant, editsOf } from "../test/claims/mutants.ts";
import { env, root } from "./wrangler.ts";

/**
 * The type errors of the sources with mutants in them. A mutant that does not compile breaks every test, so it proves nothing. Mutants that
 * change different texts are compiled together.
 * @returns undefined when there are none
 */
export function typeFaults(mutants: Mutant[]): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-mutants-"));
  try {
    for (const shared of ["node_modules", "migrations"]) symlinkSync(join(root, shared), join(folder, shared));
    cpSync(join(root, "tsconfig.json"), join(folder, "tsconfig.json"));
    const edits = mutants.flatMap(editsOf).filter(({ file }) => file.startsWith("src/"));
    let left = [...new Map(edits.map((edit) => [JSON.stringify(edit), edit])).values()];
    let output = "";
    while (left.length > 0) {
      cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
      left = left.filter((edit) => !apply(folder, edit));
      output += compile(folder);
    }
    return output.trim() || undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @returns whether the text of the mutant was found */
function apply(folder: string, { file, find, replace }: Edit): boolean {
  const path = join(folder, file);
  const source = readFileSync(path, "utf8");
  if (!source.includes(find)) return false;
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  return true;
}

/** Unused names in a mutant are not an error. */
function compile(cwd: string): string {
  const args = ["-p", "tsconfig.json", "--noUnusedLocals", "false", "--noUnusedParameters", "false"];
  const { status, stdout, stderr } = spawnSync(join(cwd, "node_modules/.bin/tsc"), args, { cwd, encoding: "utf8", env });
  return status === 0 ? "" : `${stdout}${stderr}`;
}
