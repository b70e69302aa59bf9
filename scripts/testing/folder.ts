import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Linux keeps the files of this folder in memory. */
const MEMORY = "/dev/shm";
/** The long form has states of 200 MB in several stores at the same time. Bytes. */
const ENOUGH = 6 * 1024 ** 3;

/**
 * A new folder for everything that the suites write. It is in memory where there is enough: the local D1, R2 and objects wait for the disk
 * at each write, and the tests take a quarter less time without it. A killed process loses nothing there, so tests that kill see the same.
 */
export const newTestFolder = () => newFolderIn(hasMemory() ? MEMORY : tmpdir());

const newFolderIn = (place: string) => mkdtempSync(join(place, "stackpass-test-"));

/** Whether there is enough memory, and programs in it can be started: containers often forbid that, and tests start their own providers. */
function hasMemory(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < ENOUGH) return false;
    const folder = newFolderIn(MEMORY);
    try {
      const program = join(folder, "program");
      writeFileSync(program, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
      return spawnSync(program).status === 0;
    } finally {
      rmSync(folder, { recursive: true });
    }
  } catch {
    return false;
  }
}
