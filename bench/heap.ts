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
  stop: () => void;
}

/** Asks the isolate of the Worker again and again. @param inspector the address of the inspector */
export async function watchHeap(inspector: string): Promise<Heap> {
  const socket = new WebSocket(await findWorker(inspector));
  await new Promise<void>((opened, failed) => {
    socket.addEventListener("open", () => opened());
    socket.addEventListener("error", () => failed(new Error(`no inspector at ${inspector}`)));
  });
  let most = { heap: 0, buffers: 0 };
  let id = 0;
  const ask = () => socket.send(JSON.stringify({ id: ++id, method: "Runtime.getHeapUsage" }));
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data)) as { id?: number; result?: HeapUsage };
    if (message.id !== id || !message.result) return;
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = message.result;
    const now = { heap: usedSize + embedderHeapUsedSize, buffers: backingStorageSize };
    if (now.heap + now.buffers > most.heap + most.buffers) most = now;
    void wait(EVERY).then(() => socket.readyState === WebSocket.OPEN && ask());
  });
  ask();
  return {
    reset: () => void (most = { heap: 0, buffers: 0 }),
    peak: () => most,
    stop: () => socket.close(),
  };
}

/** Address of the Worker's own isolate. The simulators have isolates of their own. */
async function findWorker(inspector: string): Promise<string> {
  const isolates = (await (await fetch(`${inspector}/json`)).json()) as { id: string; webSocketDebuggerUrl: string }[];
  const worker = isolates.find(({ id }) => id.includes("stackpass"));
  if (!worker) throw new Error(`no Worker among ${isolates.map(({ id }) => id).join(", ")}`);
  return worker.webSocketDebuggerUrl;
}
