/**
 * The memory of the Worker's isolate while it works, by V8's own count, which V8's inspector gives. Cloudflare bounds this memory, and not the memory of
 * a process. The count is: V8's heap in use, garbage included, and the memory outside the heap that belongs to it, which is buffers for the most part.
 */
import { setTimeout as wait } from "node:timers/promises";

/** Milliseconds between two questions. The isolate answers between two pieces of its work, so it may take longer. */
const EVERY = 5;

interface HeapUsage {
  usedSize: number;
  embedderHeapUsedSize: number;
  backingStorageSize: number;
}

export interface Heap {
  /** Begins a new peak. */
  reset: () => void;
  /** Bytes since the last `reset`, at the moment of the most. */
  peak: () => { heap: number; buffers: number };
  /** Has V8 collect its garbage. @returns the bytes that are left */
  collect: () => Promise<number>;
  stop: () => void;
}

/** The class of Node, which takes headers. */
const WithHeaders = WebSocket as unknown as new (url: string, options: { headers: Record<string, string> }) => WebSocket;

/** Asks the isolate of the Worker again and again. @param inspector the address of the inspector */
export async function watchHeap(inspector: string): Promise<Heap> {
  // Wrangler's inspector wants an origin.
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
  const ask = (method: string) =>
    new Promise<unknown>((answered) => {
      waiting.set(++id, answered);
      socket.send(JSON.stringify({ id, method }));
    });
  const usage = async () => {
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = (await ask("Runtime.getHeapUsage")) as HeapUsage;
    return { heap: usedSize + embedderHeapUsedSize, buffers: backingStorageSize };
  };
  let most = { heap: 0, buffers: 0 };
  const watch = async () => {
    while (socket.readyState === WebSocket.OPEN) {
      const now = await usage();
      if (now.heap + now.buffers > most.heap + most.buffers) most = now;
      await wait(EVERY);
    }
  };
  void watch();
  return {
    reset: () => void (most = { heap: 0, buffers: 0 }),
    peak: () => most,
    collect: async () => {
      await ask("HeapProfiler.collectGarbage");
      const { heap, buffers } = await usage();
      return heap + buffers;
    },
    stop: () => socket.close(),
  };
}

/** Address of the Worker's own isolate. The simulators have isolates of their own; wrangler lists the Worker alone, under a name by chance. */
async function findWorker(inspector: string): Promise<string> {
  const isolates = (await (await fetch(`${inspector}/json`)).json()) as { id: string; webSocketDebuggerUrl: string }[];
  const worker = isolates.length === 1 ? isolates[0] : isolates.find(({ id }) => id.includes("stackpass"));
  if (!worker) throw new Error(`no Worker among ${isolates.map(({ id }) => id).join(", ")}`);
  return worker.webSocketDebuggerUrl;
}
