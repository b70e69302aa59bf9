/** Destinations of an audit stream and of a webhook on this machine, which sometimes fail. They run in Node. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ChainRecord } from "../../../src/audit/chain.ts";
import type { Random } from "./random.ts";

export interface Takers {
  /** The addresses of the stream and of the webhook. */
  stream: string;
  hook: string;
  /** The records by their number, with each arrival, and the bodies of the messages by their id. */
  records: Map<number, Set<string>>;
  messages: Map<string, Set<string>>;
  /** Number of arrivals, repetitions included. */
  arrivals: number;
  /** From now on nothing fails. */
  calm: () => void;
}

/** @returns destinations that end with the process */
export async function startTakers(random: Random): Promise<Takers> {
  let isCalm = false;
  const takers: Takers = {
    stream: "",
    hook: "",
    records: new Map(),
    messages: new Map(),
    arrivals: 0,
    calm: () => void (isCalm = true),
  };
  const add = <Key>(map: Map<Key, Set<string>>, key: Key, text: string) => {
    takers.arrivals++;
    map.set(key, (map.get(key) ?? new Set()).add(text));
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      const mood = isCalm ? 9 : random.below(20);
      if (mood === 0) return response.destroy();
      if (mood === 1) return response.writeHead(503).end();
      const text = Buffer.concat(chunks).toString();
      if (request.url === "/hook") add(takers.messages, String(request.headers["pulumi-webhook-id"]), text);
      else for (const line of text.trim().split("\n")) add(takers.records, (JSON.parse(line) as ChainRecord).seq, line);
      // The answer is lost: the connection is closed without it.
      return mood === 2 ? response.destroy() : response.end("ok");
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  server.unref();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(takers, { stream: `${url}/stream`, hook: `${url}/hook` });
}
