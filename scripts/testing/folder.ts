import { accessSync, constants, mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What Linux keeps in memory. */
const MEMORY = "/dev/shm";
/** The long form has states of 200 MB in several stores at the same time. Bytes. */
const ENOUGH = 6 * 1024 ** 3;

/**
 * A new folder for everything that the suites write. It is in memory where there is enough: the local D1, R2 and objects wait for the disk
 * at each write, and the tests take a quarter less time without it. A killed process loses nothing there, so tests that kill see the same.
 */
export const newTestFolder = () => mkdtempSync(join(hasMemory() ? MEMORY : tmpdir(), "stackpass-test-"));

function hasMemory(): boolean {
  try {
    accessSync(MEMORY, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(MEMORY);
    return bavail * bsize >= ENOUGH;
  } catch {
    return false;
  }
}
