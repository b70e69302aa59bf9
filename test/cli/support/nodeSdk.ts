import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The SDK needs a TypeScript below version 7 to read provider code, so it cannot be one of our dependencies. */
const dependencies = { "@pulumi/pulumi": "3.259.0", typescript: "5.9.3" };
const cache = join(import.meta.dirname, `../../../node_modules/.cache/pulumi-sdk-${dependencies["@pulumi/pulumi"]}`);

/**
 * The Pulumi SDK for Node programs, downloaded from npm once.
 * @returns the `node_modules` that contains it
 */
export function installNodeSdk(): string {
  const modules = join(cache, "node_modules");
  if (existsSync(modules)) return modules;
  const draft = `${cache}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  writeFileSync(join(draft, "package.json"), JSON.stringify({ private: true, dependencies }));
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: draft, stdio: "inherit" });
  try {
    renameSync(draft, cache);
  } catch (error) {
    // The suite of another release has downloaded it meanwhile.
    if (!existsSync(modules)) throw error;
    rmSync(draft, { recursive: true });
  }
  return modules;
}
