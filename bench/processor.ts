/** Reads the processor time of a process from Linux. Other processes influence it less than the elapsed time. */
import { readFileSync, readdirSync } from "node:fs";

/** Milliseconds of processor time of all threads of a process. */
export const processorTime = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e6)
    .reduce((sum, ms) => sum + ms, 0);
