/** Sends bytes over a socket that no HTTP client would send. */
import { once } from "node:events";
import { type Socket, connect } from "node:net";

export interface Answer {
  /** 0 when the connection ended without an answer. */
  status: number;
  head: string;
  body: string;
}

/** Opens a connection. An error counts as its end, because a server may close the connection of a client that violates the protocol. */
export async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.on("error", () => undefined);
  return socket;
}

/** Collects the text of a connection until `enough` accepts it, the server closes the connection, or the time (milliseconds) is over. */
export async function heard(socket: Socket, enough: (text: string) => boolean, within = 30_000): Promise<string> {
  let text = "";
  await new Promise<void>((done) => {
    const timer = setTimeout(done, within);
    const end = () => {
      clearTimeout(timer);
      done();
    };
    socket.on("data", (chunk: Buffer) => {
      // Each byte is one character, because lengths are in bytes.
      text += chunk.toString("latin1");
      if (enough(text)) end();
    });
    socket.on("close", end);
    socket.on("end", end);
  });
  return text;
}

/** Sends a request exactly as it is written, with lines that end with CRLF. @returns the first answer */
export async function say(url: string, lines: string[], body: string | Buffer = "", hangUp = false): Promise<Answer> {
  const socket = await dial(url);
  const answered = heard(socket, isWhole);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  if (hangUp) socket.end(body);
  else if (body.length > 0) socket.write(body);
  const text = await answered;
  socket.destroy();
  return parse(text);
}

export function parse(text: string): Answer {
  const cut = text.indexOf("\r\n\r\n");
  const head = cut < 0 ? text : text.slice(0, cut);
  return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0), head, body: cut < 0 ? "" : text.slice(cut + 4) };
}

/** Whether the text contains a whole answer, by its declared length. */
function isWhole(text: string): boolean {
  const { head, body } = parse(text);
  if (!text.includes("\r\n\r\n")) return false;
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  return length === undefined ? body.endsWith("0\r\n\r\n") || /^HTTP\/1\.1 (?:204|304)/.test(head) : body.length >= Number(length);
}
