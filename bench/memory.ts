/** Reads the memory and the processor time of workerd from Linux. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

/** The process id of the workerd that this process has started. @param known ids of others that it has started */
export function findWorkerd(known: number[] = []): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]);
      if (name === "workerd" && parent === process.pid && !known.includes(Number(pid))) return Number(pid);
    } catch {
      // The process has ended.
    }
  }
  throw new Error("this process has started no workerd");
}

const readKb = (pid: number, key: string) =>
  Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? NaN) * 1024;

export const residentBytes = (pid: number) => readKb(pid, "VmRSS");
/** Pages of files in memory: the parts of the program that have been used so far. */
export const fileBytes = (pid: number) => readKb(pid, "RssFile");
export const peakBytes = (pid: number) => readKb(pid, "VmHWM");
export const resetPeak = (pid: number) => writeFileSync(`/proc/${pid}/clear_refs`, "5");

/** Processor time of all threads of the process; the kernel counts in hundredths of a second. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}
