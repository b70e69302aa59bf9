/** Measures how long the Worker's own isolate was active, by V8's profiler. The local simulators are other isolates of the same process. */
import { inspect } from "./heap.ts";

interface Profile {
  nodes: { id: number; callFrame: { functionName: string } }[];
  samples: number[];
  timeDeltas: number[];
}

/** Starts the profiler. @returns ends it, and returns the milliseconds in which the isolate ran JavaScript or collected garbage */
export async function profileOf(inspector: string): Promise<() => Promise<number>> {
  const { ask, stop } = await inspect(inspector);
  await ask("Profiler.enable");
  await ask("Profiler.setSamplingInterval", { interval: 1000 });
  await ask("Profiler.start");
  return async () => {
    const { profile } = (await ask("Profiler.stop")) as { profile: Profile };
    stop();
    const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
    const active = profile.samples.map((id, i) =>
      ["(idle)", "(program)", "(root)"].includes(names.get(id) ?? "") ? 0 : profile.timeDeltas[i]!,
    );
    return active.reduce((sum, microseconds) => sum + microseconds, 0) / 1000;
  };
}
