/** A small HTTP/1.1 client on a socket. It uses little processor time, so that the figures are those of the server. */
import { type Socket, connect } from "node:net";

export interface Answer {
  status: number;
  /** The status line and the header lines. */
  head: string;
  body: string;
}

/** The bytes of a request, which can be sent several times. @param more a line of a header */
export function requestBytes(
  method: string,
  path: string,
  authorization: string,
  body: string | Uint8Array = "",
  gzip = false,
  more?: string,
): Buffer {
  const bytes = Buffer.from(body);
  const lines = [`${method} ${path} HTTP/1.1`, "Host: localhost", "User-Agent: pulumi-cli/1 (v3.259.0; linux)"];
  if (authorization) lines.push(`Authorization: ${authorization}`);
  if (bytes.length > 0) lines.push("Content-Type: application/json");
  if (gzip) lines.push("Content-Encoding: gzip");
  if (more) lines.push(more);
  // The CLI's requests without a body do not declare one.
  if (bytes.length > 0 || (method !== "GET" && method !== "HEAD")) lines.push(`Content-Length: ${bytes.length}`);
  lines.push("", "");
  return Buffer.concat([Buffer.from(lines.join("\r\n")), bytes]);
}

/** One connection for one request at a time. Workerd closes a connection after five idle seconds; the next request then opens a new one. */
export class Connection {
  readonly #url: URL;
  #socket: Socket;
  #received = Buffer.alloc(0);
  #settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;

  constructor(url: string) {
    this.#url = new URL(url);
    this.#socket = this.#connect();
  }

  async send(request: Buffer): Promise<Answer> {
    try {
      return await this.#exchange(request);
    } catch (error) {
      if (this.#received.length > 0) throw error;
      this.#socket = this.#connect();
      return this.#exchange(request);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #connect(): Socket {
    const socket = connect(Number(this.#url.port), this.#url.hostname).setNoDelay();
    socket.on("data", (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      const answer = this.#read();
      if (answer) this.#settle?.resolve(answer);
    });
    const fail = (error: Error) => socket === this.#socket && this.#settle?.reject(error);
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("the connection was closed")));
    return socket;
  }

  #exchange(request: Buffer): Promise<Answer> {
    if (this.#socket.destroyed) this.#socket = this.#connect();
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(request);
    });
  }

  /** The answer, if it has arrived completely. */
  #read(): Answer | undefined {
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const head = this.#received.toString("latin1", 0, end);
    const status = Number(head.slice(9, 12));
    const rest = this.#received.subarray(end + 4);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    let body: string;
    if (length !== undefined) {
      if (rest.length < Number(length)) return undefined;
      body = rest.toString("utf8", 0, Number(length));
    } else if (/\r\ntransfer-encoding: chunked/i.test(head)) {
      if (!rest.subarray(-5).equals(Buffer.from("0\r\n\r\n"))) return undefined;
      body = joined(rest);
    } else body = "";
    this.#received = Buffer.alloc(0);
    return { status, head, body };
  }
}

function joined(chunks: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const line = chunks.indexOf("\r\n", at);
    const size = parseInt(chunks.toString("latin1", at, line), 16);
    if (size === 0) return Buffer.concat(parts).toString();
    parts.push(chunks.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
