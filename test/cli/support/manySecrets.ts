import { createHash } from "node:crypto";
import { copyFileSync, existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface ManySecrets {
  /** For each resource, the bytes of each of its secrets. */
  resources: number[][];
  /** The resources are of `pulumi:index:Stash`, which keeps a secret as input and as output, and not components. */
  stash?: boolean;
}

/** The text of the secret number `i`, counted over all resources. */
export const secretText = (i: number, bytes: number): string =>
  createHash("shake256", { outputLength: Math.ceil(bytes / 2) })
    .update(`secret ${i}`)
    .digest("hex")
    .slice(0, bytes);

/** Writes the program with these secrets into the folder of a project, or changes the secrets of the existing program. */
export function writeSecretsProgram(folder: string, nodeModules: string, name: string, program: ManySecrets): void {
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
  write("case.json", JSON.stringify({ stash: false, ...program }));
  if (existsSync(join(folder, "index.js"))) return;
  write("Pulumi.yaml", JSON.stringify({ name, runtime: { name: "nodejs", options: { typescript: false } } }));
  write("package.json", JSON.stringify({ name, private: true, dependencies: { "@pulumi/pulumi": "*" } }));
  copyFileSync(join(import.meta.dirname, "manySecrets.cjs"), join(folder, "index.js"));
  symlinkSync(nodeModules, join(folder, "node_modules"));
}

/** @returns the number of the first secret that a text does not contain as a whole, or undefined */
export function missingSecret(text: string | Buffer, resources: number[][]): number | undefined {
  // Searching a long text for each of 1,500 secrets would take minutes, and a pattern with a whole secret of 8 MiB would exhaust the stack.
  const runs = new Set(text.toString("latin1").split(/[^0-9a-f]{1,100}/));
  const missing = resources.flat().findIndex((bytes, i) => {
    const secret = secretText(i, bytes);
    return !runs.has(secret) && !text.includes(secret);
  });
  return missing < 0 ? undefined : missing;
}
