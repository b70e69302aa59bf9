/** Reads the processor time of a process from Linux. Other processes influence it less than the elapsed time. */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

/** Milliseconds of processor time of all threads of a process. */
export const processorTime = (pid: number): number =>
  readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e6)
    .reduce((sum, ms) => sum + ms, 0);

/** State of a socket that listens, in Linux's list of sockets. */
const LISTENS = "0A";

/** The process on this machine that listens at the port of an address. @returns undefined if there is none that we may look at */
export function processAt(url: string): number | undefined {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const sockets = new Set(
    ["tcp", "tcp6"]
      .flatMap((list) => readFileSync(`/proc/net/${list}`, "utf8").trim().split("\n").slice(1))
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => local!.endsWith(`:${port}`) && state === LISTENS)
      .map((fields) => `socket:[${fields[9]}]`),
  );
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).find((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`)));
    } catch {
      // The process has ended, or belongs to somebody else, or closed a file meanwhile.
      return false;
    }
  });
}
