/**
 * `npm run audit:deps`: licences and known vulnerabilities of the project's dependencies. It fails for a licence that is not on the list
 * (licences.ts), for a vulnerability in the bundle, and for a high one in a tool. If the registry does not answer, it reports that and does
 * not fail.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dependencies, licenceFaults } from "./licences.ts";
import { env, mustWrangle, root } from "./wrangler.ts";

const folder = mkdtempSync(join(tmpdir(), "stackpass-"));
mustWrangle(["deploy", "--dry-run", "--outdir", folder, "--metafile", join(folder, "meta.json")]);
const all = dependencies([join(folder, "meta.json")]);
rmSync(folder, { recursive: true });

const bundled = all.filter((dependency) => dependency.bundled);
console.log(`In the Worker's bundle: ${bundled.map(({ name, version, licence }) => `${name}@${version} (${licence})`).join(", ")}`);
console.log(`Tools of developers: ${all.length - bundled.length}\n`);
const counts = new Map<string, number>();
for (const { licence } of all) counts.set(licence, (counts.get(licence) ?? 0) + 1);
for (const [licence, count] of [...counts].sort(([, a], [, b]) => b - a))
  console.log(`${String(count).padStart(5)}  ${licence || "none said"}`);

const faults = licenceFaults(all);
for (const fault of faults) console.error(`licence not allowed: ${fault}`);

interface Report {
  vulnerabilities?: Record<string, { name: string; severity: string; range: string; via: (string | { title: string; url: string })[] }>;
  error?: unknown;
  message?: string;
}
const { stdout } = spawnSync("npm", ["audit", "--json"], { cwd: root, env, encoding: "utf8" });
const report = read(stdout);
if (!report?.vulnerabilities) {
  console.log(`\nKnown vulnerabilities: NOT CHECKED, the registry did not answer (${report?.message ?? "no JSON"}).`);
} else {
  const found = Object.values(report.vulnerabilities);
  console.log(`\nKnown vulnerabilities: ${found.length === 0 ? "none" : found.length}`);
  const names = new Set(bundled.map(({ name }) => name));
  for (const { name, severity, range, via } of found) {
    const what = via.map((one) => (typeof one === "string" ? one : `${one.title} ${one.url}`)).join("; ");
    const counts = names.has(name) || severity === "high" || severity === "critical";
    const line = `${severity}: ${name} ${range}${names.has(name) ? ", in the bundle" : ""}: ${what}`;
    console.log(line);
    if (counts) faults.push(line);
  }
}
process.exit(faults.length > 0 ? 1 : 0);

function read(text: string): Report | undefined {
  try {
    return JSON.parse(text) as Report;
  } catch {
    return undefined;
  }
}
