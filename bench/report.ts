/** Writes the figures of a run into a new file under bench/results/, with the machine, the time and the command. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

export interface Report {
  date: string;
  command: string;
  machine: { cpus: number; model: string; memoryGb: number };
}

/** @param name name of the benchmark, with which the file's name begins. @returns the file */
export function writeReport(name: string, results: object): string {
  const date = new Date().toISOString();
  const report: Report = {
    date,
    command: ["npm run", process.env["npm_lifecycle_event"] ?? name, "--", ...process.argv.slice(2)].join(" "),
    machine: { cpus: cpus().length, model: cpus()[0]?.model ?? "", memoryGb: Math.round(totalmem() / 2 ** 30) },
  };
  const folder = join(import.meta.dirname, "results");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}-${date.replaceAll(":", "-")}.json`);
  writeFileSync(file, `${JSON.stringify({ ...report, ...results }, null, 2)}\n`);
  console.log(`\nWritten to ${file}`);
  return file;
}
