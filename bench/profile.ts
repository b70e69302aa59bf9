/**
 * Measures what the isolates of a local server do, by V8's profiler: the Worker's own, and those of the local simulators in the same process.
 * The profiler takes a sample in each millisecond in which an isolate runs, so a sample counts as a millisecond of processor time.
 */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { type Inspector, connect, isolatesOf } from "./heap.ts";

/** Microseconds between two samples. */
const INTERVAL = 1000;

interface Profile {
  nodes: { id: number; children?: number[]; callFrame: Frame }[];
  samples: number[];
}

interface Frame {
  functionName: string;
  url: string;
  lineNumber: number;
  columnNumber: number;
}

/** Milliseconds by name, the largest first. */
export type Shares = [name: string, ms: number][];

export interface Isolates {
  /** Milliseconds in which the Worker's own isolate ran, and the sum of those of the simulators' isolates. */
  own: number;
  simulators: number;
  /** The time of our own isolate, by the kind and by the folder of the code that was running. */
  kinds: Shares;
  folders: Shares;
  /** The time of single functions of our own isolate: without the functions that they call, and with them. */
  self: Shares;
  withCalls: Shares;
  /** The own isolate's profile in V8's form, which the developer tools of a browser open. */
  raw: object;
}

/**
 * Starts the profilers of all isolates.
 * @param map file with the source map of the bundle
 * @returns ends them
 */
export async function profileOf(inspector: string, map: string): Promise<() => Promise<Isolates>> {
  const isolates = await isolatesOf(inspector);
  const running = await Promise.all(
    isolates.map(async ({ isOurs, url }) => {
      const isolate = await connect(url);
      await isolate.ask("Profiler.enable");
      await isolate.ask("Profiler.setSamplingInterval", { interval: INTERVAL });
      await isolate.ask("Profiler.start");
      return { isOurs, isolate };
    }),
  );
  return async () => {
    const ended = await Promise.all(running.map(async ({ isOurs, isolate }) => ({ isOurs, profile: await end(isolate) })));
    const own = ended.find(({ isOurs }) => isOurs)!.profile;
    const time = (profile: Profile) => (samplesOf(profile).length * INTERVAL) / 1000;
    return {
      own: time(own),
      simulators: ended.reduce((sum, { isOurs, profile }) => sum + (isOurs ? 0 : time(profile)), 0),
      raw: own,
      ...sharesOf(own, new SourceMap(JSON.parse(readFileSync(map, "utf8")) as SourceMap["payload"])),
    };
  };
}

async function end({ ask, stop }: Inspector): Promise<Profile> {
  const { profile } = (await ask("Profiler.stop")) as { profile: Profile };
  stop();
  return profile;
}

/** An isolate that waits is not sampled, except when the profiler starts and stops. */
function samplesOf({ nodes, samples }: Profile): number[] {
  const idle = new Set(nodes.filter(({ callFrame }) => ["(idle)", "(root)"].includes(callFrame.functionName)).map(({ id }) => id));
  return samples.filter((id) => !idle.has(id));
}

type Sums = Map<string, number>;

function sharesOf(profile: Profile, map: SourceMap): Pick<Isolates, "kinds" | "folders" | "self" | "withCalls"> {
  const places = new Map(profile.nodes.map(({ id, callFrame }) => [id, placeOf(callFrame, map)]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const [kinds, folders, self, withCalls] = Array.from({ length: 4 }, () => new Map<string, number>()) as [Sums, Sums, Sums, Sums];
  const add = (to: Sums, name: string) => to.set(name, (to.get(name) ?? 0) + INTERVAL / 1000);
  for (const sample of samplesOf(profile)) {
    const { name, folder, kind } = places.get(sample)!;
    add(kinds, kind);
    add(folders, folder);
    add(self, name);
    const stack = new Set<string>();
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) stack.add(places.get(id)!.name);
    for (const one of stack) if (one !== "(root)") add(withCalls, one);
  }
  const sorted = (shares: Sums) => [...shares].sort(([, a], [, b]) => b - a);
  return { kinds: sorted(kinds), folders: sorted(folders), self: sorted(self), withCalls: sorted(withCalls) };
}

/** The name of a function with its file, and the package or folder that it comes from. */
function placeOf({ functionName, url, lineNumber, columnNumber }: Frame, map: SourceMap): { name: string; folder: string; kind: string } {
  if (url === "" && functionName.startsWith("(")) return { name: functionName, folder: functionName, kind: functionName };
  if (url === "") return { name: functionName || "(unnamed)", folder: `native ${functionName}`, kind: "native functions" };
  const file = url.split("/").at(-1)!;
  const what = functionName || "(anonymous)";
  const ofRuntime = "JavaScript of the runtime";
  if (file !== "index.js") return { name: `${what} ${url}:${lineNumber + 1}`, folder: ofRuntime, kind: ofRuntime };
  const origin = map.findEntry(lineNumber, columnNumber);
  // The source maps of drizzle-orm name its files as if they were beside its folder.
  const source = ("originalSource" in origin ? origin.originalSource : "").replace("node_modules/src/", "node_modules/drizzle-orm/src/");
  const line = "originalLine" in origin ? `:${origin.originalLine + 1}` : "";
  const [path = file] = /(?<=.*node_modules\/)(?!.*node_modules\/).*|(src|bench)\/.*/.exec(source) ?? [];
  const [folder = path] = /^(?:src\/[^/]+|bench|(?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
  return { name: `${what} ${path}${line}`, folder, kind: folder.startsWith("src/") ? "our code" : folder };
}
