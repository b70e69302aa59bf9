/** What workerd needs while it works, as Linux tells it. */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

/** The workerd processes below this one. */
export function findWorkerd(): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]);
      if (name === "workerd" && parent === process.pid) return Number(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error("no workerd below this process");
}

const readKb = (pid: number, key: string) =>
  Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? NaN) * 1024;

export const residentBytes = (pid: number) => readKb(pid, "VmRSS");
/** Pages of files: those of its own program that it has come to so far. */
export const fileBytes = (pid: number) => readKb(pid, "RssFile");
export const peakBytes = (pid: number) => readKb(pid, "VmHWM");
export const resetPeak = (pid: number) => writeFileSync(`/proc/${pid}/clear_refs`, "5");

/** Processor time that the process has used, all its threads; the kernel counts in hundredths. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}
