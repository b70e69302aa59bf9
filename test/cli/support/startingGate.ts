import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

/** The start of a real update: `…/update/ID`, and nothing behind it. */
const START = /\/update\/[\w-]+$/;

/** A proxy between two CLIs and the server: it holds the start of each CLI until the start of the other one has arrived too. */
export class StartingGate {
  url = "";
  readonly #server = createServer((request, response) => {
    this.#pass(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  readonly #target: string;
  #waiting: (() => void) | undefined;

  private constructor(target: string) {
    this.#target = target;
  }

  static async before(target: string): Promise<StartingGate> {
    const gate = new StartingGate(target);
    // A client does not repeat a request that it sends just as the connection is closed.
    gate.#server.keepAliveTimeout = 600_000;
    await new Promise<void>((listening) => gate.#server.listen(0, "127.0.0.1", listening));
    gate.#server.unref();
    gate.url = `http://127.0.0.1:${(gate.#server.address() as { port: number }).port}`;
    return gate;
  }

  close(): void {
    this.#server.close();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "GET", url = "/", headers } = request;
    if (method === "POST" && START.test(url)) await this.#bothAreHere();
    const kept = Object.entries(headers).filter(([name]) => !["host", "connection", "content-length", "accept-encoding"].includes(name));
    const answer = await fetch(`${this.#target}${url}`, {
      method,
      headers: Object.fromEntries(kept) as Record<string, string>,
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    });
    const type = answer.headers.get("Content-Type");
    response.writeHead(answer.status, type ? { "Content-Type": type } : {});
    if (answer.body) await pipeline(answer.body, response);
    else response.end();
  }

  #bothAreHere(): Promise<void> {
    const other = this.#waiting;
    if (other) {
      this.#waiting = undefined;
      other();
      return Promise.resolve();
    }
    return new Promise((go) => (this.#waiting = go));
  }
}
