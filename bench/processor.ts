/** Processor time of a process, as Linux counts it. Other processes change it less than they change the clock. */
import { readFileSync, readdirSync } from "node:fs";

/** Milliseconds that all threads of a process have had. */
export const processorTime = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e6)
    .reduce((sum, ms) => sum + ms, 0);
