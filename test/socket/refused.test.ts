import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { dial, heard, parse } from "./support/wire.ts";

const url = inject("wireUrl");
const token = inject("wireToken");
const MiB = 1024 * 1024;
const S = "/api/stacks/acme/refused/dev";

const post = async <T>(path: string, json: object): Promise<T> => {
  const headers = { Authorization: `token ${token}`, "Content-Type": "application/json" };
  const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(json) });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
};

/** A running update. */
let update: string;
let lease: string;
beforeAll(async () => {
  await post("/api/stacks/acme/refused", { stackName: "dev" });
  const { updateID } = await post<{ updateID: string }>(`${S}/update`, {});
  update = `${S}/update/${updateID}`;
  lease = (await post<{ token: string }>(update, { journalVersion: 1 })).token;
});

type Framing = "with its length" | "in chunks";

/** Sends the head, then the whole body, and reads no answer before. */
async function send(socket: Socket, head: string[], body: Buffer, framing: Framing): Promise<void> {
  const chunked = framing === "in chunks";
  const length = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`;
  socket.pause();
  socket.write([...head, "Host: stackpass.test", "Content-Type: application/json", length, "", ""].join("\r\n"));
  for (let at = 0; at < body.length; at += MiB) {
    const piece = body.subarray(at, at + MiB);
    if (chunked) socket.write(`${piece.length.toString(16)}\r\n`);
    if (!socket.write(piece)) await once(socket, "drain");
    if (chunked) socket.write("\r\n");
  }
  if (chunked) socket.write("0\r\n\r\n");
  socket.resume();
}

/** @returns the answer's status and message. The connection must still work for one more request. */
async function refusal(head: string[], body: Buffer, framing: Framing): Promise<{ code: number; message: string }> {
  const socket = await dial(url);
  await send(socket, head, body, framing);
  const text = await heard(socket, (seen) => seen.endsWith("}"), 30_000);
  const answer = parse(text);
  const next = heard(socket, (seen) => seen.endsWith("}"));
  socket.write(`GET /api/capabilities HTTP/1.1\r\nHost: stackpass.test\r\n\r\n`);
  expect(parse(await next).status).toBe(200);
  socket.destroy();
  return JSON.parse(answer.body) as { code: number; message: string };
}

const owner = () => `Authorization: token ${token}`;
const leased = () => `Authorization: update-token ${lease}`;
const gzip = "Content-Encoding: gzip";
/** Bytes that gzip does not make smaller. */
const noise = (bytes: number) => randomBytes(bytes);
const entries = (bytes: number) => gzipSync(`{"entries":[{"text":"${noise(bytes).toString("base64")}"}]}`, { level: 1 });

describe.each<Framing>(["with its length", "in chunks"])(
  "a refusal can be read by a client that sends the whole body first, %s:",
  (framing) => {
    it.each<[string, number, () => string[], () => Buffer]>([
      ["a JSON call above its limit", 413, () => [`POST /api/orgs/acme/tokens HTTP/1.1`, owner()], () => noise(5 * MiB)],
      ["a JSON call far above it", 413, () => [`PATCH ${S}/tags HTTP/1.1`, owner()], () => noise(60 * MiB)],
      ["a journal batch above its limit", 413, () => [`PATCH ${update}/journalentries HTTP/1.1`, leased(), gzip], () => entries(20 * MiB)],
      ["a journal batch far above it", 413, () => [`PATCH ${update}/journalentries HTTP/1.1`, leased(), gzip], () => entries(60 * MiB)],
      ["a batch of events", 413, () => [`POST ${update}/events/batch HTTP/1.1`, leased(), gzip], () => entries(20 * MiB)],
      ["an import above its limit", 413, () => [`POST ${S}/import HTTP/1.1`, owner()], () => noise(9 * MiB).fill(" ")],
      [
        "a gzipped import above its limit",
        413,
        () => [`POST ${S}/import HTTP/1.1`, owner(), gzip],
        () => gzipSync(noise(9 * MiB).fill(" ")),
      ],
      ["an import that is no state", 400, () => [`POST ${S}/import HTTP/1.1`, owner()], () => noise(6 * MiB).fill("x")],
      ["an import that is no gzip", 400, () => [`POST ${S}/import HTTP/1.1`, owner(), gzip], () => noise(6 * MiB).fill("x")],
      ["a body without a credential", 401, () => [`POST ${S}/import HTTP/1.1`], () => noise(20 * MiB)],
      ["a body for another's stack", 404, () => [`POST /api/stacks/globex/web/dev/import HTTP/1.1`, owner()], () => noise(20 * MiB)],
      ["a body for no route", 404, () => [`POST /api/nosuch HTTP/1.1`, owner()], () => noise(20 * MiB)],
      ["a journal without a lease", 403, () => [`PATCH ${update}/journalentries HTTP/1.1`, owner(), gzip], () => entries(20 * MiB)],
      ["a state for an update that journals", 400, () => [`PATCH ${update}/checkpoint HTTP/1.1`, leased()], () => noise(20 * MiB)],
    ])("%s", async (_, status, head, body) => {
      expect(await refusal(head(), body(), framing)).toMatchObject({ code: status });
    });
  },
);

it("a refusal does not wait for a body that never comes", async () => {
  const socket = await dial(url);
  const answered = heard(socket, (seen) => seen.endsWith("}"), 30_000);
  socket.write(`POST ${S}/import HTTP/1.1\r\nHost: stackpass.test\r\nContent-Length: 1000\r\n\r\n{`);
  expect(parse(await answered).status).toBe(401);
  socket.destroy();
});
