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

/** Connects to the inspector of the Worker's isolate. @param inspector the address of the inspector */
export async function inspect(inspector: string): Promise<Inspector> {
  // Wrangler's inspector requires an Origin header.
  const socket = new WithHeaders(await findWorker(inspector), { headers: { Origin: "http://localhost" } });
  await new Promise<void>((opened, failed) => {
    socket.addEventListener("open", () => opened());
    socket.addEventListener("error", () => failed(new Error(`no inspector at ${inspector}`)));
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
  const { ask, isOpen, stop } = await inspect(inspector);
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
 * Inspector address of the Worker's isolate. Workerd also lists the simulators' isolates; wrangler lists only the Worker, with a random id.
 */
async function findWorker(inspector: string): Promise<string> {
  const isolates = (await (await fetch(`${inspector}/json`)).json()) as { id: string; webSocketDebuggerUrl: string }[];
  const worker = isolates.length === 1 ? isolates[0] : isolates.find(({ id }) => id.includes("stackpass"));
  if (!worker) throw new Error(`no Worker among ${isolates.map(({ id }) => id).join(", ")}`);
  return worker.webSocketDebuggerUrl;
}
