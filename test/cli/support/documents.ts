/** A web server on this machine, in place of an identity provider: the tests set its documents. It runs in Node. */
import { type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Document } from "../../support/document.ts";

/**
 * `PUT` sets the document of an address, `GET` returns it, and `GET …?count` returns how often it was requested.
 * @returns the address of the server, which ends with the process
 */
export async function startDocuments(): Promise<string> {
  const documents = new Map<string, Document & { asked: number }>();
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? "/", "http://documents");
    const found = documents.get(pathname);
    if (request.method === "PUT") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => void chunks.push(chunk));
      request.on("end", () => {
        documents.set(pathname, { ...(JSON.parse(Buffer.concat(chunks).toString()) as Document), asked: found?.asked ?? 0 });
        response.end();
      });
      return;
    }
    if (search === "?count") return response.end(String(found?.asked ?? 0));
    if (!found) return response.writeHead(404).end();
    found.asked++;
    return answer(response, found);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(response: ServerResponse, { status = 200, headers = {}, body = "", how }: Document): unknown {
  switch (how) {
    case "slow":
      return undefined;
    case "broken":
      return response.destroy();
    case "huge": {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, " ")));
        if (!response.destroyed) response.once("drain", more);
      };
      response.writeHead(200);
      return more();
    }
    case undefined:
      return response.writeHead(status, headers).end(body);
  }
}
