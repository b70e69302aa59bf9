/** Measures what the Worker's own isolate does, by V8's profiler. The local simulators are other isolates of the same process. */
import { inspect } from "./heap.ts";

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

export interface Active {
  /** Milliseconds by the clock in which the isolate ran JavaScript or collected garbage. */
  active: number;
  /** Milliseconds in which the profiler ran. */
  all: number;
  /** Milliseconds of single functions themselves, the most first. */
  functions: [name: string, ms: number][];
}

const NOT_OURS = ["(idle)", "(program)", "(root)"];

/** Starts the profiler. @returns ends it */
export async function profileOf(inspector: string): Promise<() => Promise<Active>> {
  const { ask, stop } = await inspect(inspector);
  await ask("Profiler.enable");
  await ask("Profiler.setSamplingInterval", { interval: 1000 });
  await ask("Profiler.start");
  return async () => {
    const { profile } = (await ask("Profiler.stop")) as { profile: Profile };
    stop();
    const nameOf = new Map(
      profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
        id,
        NOT_OURS.includes(functionName) ? undefined : `${functionName || "(anonymous)"} ${url.split("/").at(-1)}:${lineNumber + 1}`,
      ]),
    );
    const functions = new Map<string, number>();
    let [active, all] = [0, 0];
    for (const [i, id] of profile.samples.entries()) {
      const ms = profile.timeDeltas[i]! / 1000;
      all += ms;
      const name = nameOf.get(id);
      if (name === undefined) continue;
      active += ms;
      functions.set(name, (functions.get(name) ?? 0) + ms);
    }
    return { active, all, functions: [...functions].sort(([, a], [, b]) => b - a).slice(0, 20) };
  };
}
