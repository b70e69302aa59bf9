/** A file of what has been done, without secrets: one line of JSON for each stack that was moved. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { fail } from "../fail.ts";
import { type StackName, nameText } from "./place.ts";

interface Entry {
  stack: string;
  target: string;
  /** Versions at the time. A stack with the same ones has not changed since. */
  from: number | undefined;
  to: number | undefined;
}

export class Progress {
  readonly #file: string;
  readonly #entries = new Map<string, Entry>();
  /** Why the file lacks stacks that were moved. */
  fault: string | undefined;

  /** @param way the two addresses. A file of another way ends the script */
  constructor(file: string, way: { from: string; to: string }) {
    this.#file = file;
    const lines = read(file).split("\n");
    const [first, ...entries] = lines.flatMap((line) => {
      try {
        return [JSON.parse(line) as unknown];
      } catch {
        // The empty end, or a line that was being written when the program was killed.
        return [];
      }
    });
    if (first === undefined) return;
    if (JSON.stringify(first) !== JSON.stringify(way)) fail(`${file} belongs to another migration. Name another file with --progress`);
    for (const entry of entries as Entry[]) this.#entries.set(`${entry.stack} ${entry.target}`, entry);
  }

  /** Whether the stack was moved, and neither side has changed since. */
  isDone(name: StackName, target: StackName, from: number | undefined, to: number | undefined): boolean {
    const entry = this.#entries.get(`${nameText(name)} ${nameText(target)}`);
    return entry !== undefined && from !== undefined && to !== undefined && entry.from === from && entry.to === to;
  }

  begin(way: { from: string; to: string }): void {
    // A line that is not complete must not run into the next one.
    const begin = existsSync(this.#file) ? "\n" : `${JSON.stringify(way)}\n`;
    try {
      appendFileSync(this.#file, begin, { mode: 0o600 });
    } catch (error) {
      fail(`The progress cannot be written: ${(error as Error).message}. Name another file with --progress`);
    }
  }

  /** The stack was moved even if the disk is full: the next run compares it again. */
  add(name: StackName, target: StackName, from: number | undefined, to: number | undefined): void {
    try {
      appendFileSync(this.#file, `${JSON.stringify({ stack: nameText(name), target: nameText(target), from, to } satisfies Entry)}\n`);
    } catch (error) {
      this.fault = (error as Error).message;
    }
  }
}

function read(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  } catch (error) {
    return fail(`The progress cannot be read: ${(error as Error).message}. Name another file with --progress`);
  }
}
