/**
 * Measures the memory of the Worker's isolate by V8's own count, which the inspector returns. Cloudflare limits this memory, and not that
 * of a process. It consists of V8's used heap, including garbage, and of memory outside the heap that the heap refers to, mostly buffers.
 */
import { setTimeout as wait } from "node:timers/promises";

/** Milliseconds between two measurements. The isolate answers only between two tasks, so it may take longer. */
const EVERY = 5;

interface HeapUsage {
  usedSize: number;
  embedderHeapUsedSize: number;
  backingStorageSize: number;
}

export interface Heap {
  /** Begins a new peak. */
  reset: () => void;
  /** Bytes at the peak since the last `reset`. It throws if the isolate has ended since: a local server starts again when a file changes. */
  peak: () => { heap: number; buffers: number };
  /** Collects V8's garbage. @returns the remaining bytes */
  collect: () => Promise<number>;
  stop: () => void;
}

/** The WebSocket class of Node, which accepts headers. */
const WithHeaders = WebSocket as unknown as new (url: string, options: { headers: Record<string, string> }) => WebSocket;

export interface Inspector {
  ask: (method: string, params?: object) => Promise<unknown>;
  isOpen: () => boolean;
  stop: () => void;
}

/** Connects to the inspector of an isolate. */
export async function connect(url: string): Promise<Inspector> {
  // Wrangler's inspector requires an Origin header.
  const socket = new WithHeaders(url, { headers: { Origin: "http://localhost" } });
  await new Promise<void>((opened, failed) => {
    socket.addEventListener("open", () => opened());
    socket.addEventListener("error", () => failed(new Error(`no inspector at ${url}`)));
  });
  let id = 0;
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data)) as { id?: number; result?: unknown };
    waiting.get(message.id ?? 0)?.(message.result);
    waiting.delete(message.id ?? 0);
  });
  const ask = (method: string, params: object = {}) =>
    new Promise<unknown>((answered) => {
      waiting.set(++id, answered);
      socket.send(JSON.stringify({ id, method, params }));
    });
  return { ask, isOpen: () => socket.readyState === WebSocket.OPEN, stop: () => socket.close() };
}

/** Measures the isolate of the Worker repeatedly. */
export async function watchHeap(inspector: string): Promise<Heap> {
  const worker = (await isolatesOf(inspector)).find(({ isOurs }) => isOurs)!;
  const { ask, isOpen, stop } = await connect(worker.url);
  const usage = async () => {
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = (await ask("Runtime.getHeapUsage")) as HeapUsage;
    return { heap: usedSize + embedderHeapUsedSize, buffers: backingStorageSize };
  };
  let most = { heap: 0, buffers: 0 };
  const watch = async () => {
    while (isOpen()) {
      const now = await usage();
      if (now.heap + now.buffers > most.heap + most.buffers) most = now;
      await wait(EVERY);
    }
  };
  void watch();
  return {
    reset: () => void (most = { heap: 0, buffers: 0 }),
    peak: () => {
      if (!isOpen()) throw new Error("The isolate has ended, so its peak is not known.");
      return most;
    },
    collect: async () => {
      await ask("HeapProfiler.collectGarbage");
      const { heap, buffers } = await usage();
      return heap + buffers;
    },
    stop,
  };
}

/**
 * The isolates of a local server. Workerd also lists those of the simulators; wrangler lists only the Worker, with a random id.
 * @param inspector the address of the inspector
 * @throws when the Worker is not among them
 */
export async function isolatesOf(inspector: string): Promise<{ isOurs: boolean; url: string }[]> {
  const isolates = (await (await fetch(`${inspector}/json`)).json()) as { id: string; webSocketDebuggerUrl: string }[];
  const isOurs = ({ id }: { id: string }) => isolates.length === 1 || id.includes("stackpass");
  if (!isolates.some(isOurs)) throw new Error(`no Worker among ${isolates.map(({ id }) => id).join(", ")}`);
  // Workerd lists a service of Node with a `#` in its name, which is not in use here and cannot be inspected.
  return isolates.filter(({ id }) => !id.includes("#")).map((isolate) => ({ isOurs: isOurs(isolate), url: isolate.webSocketDebuggerUrl }));
}
