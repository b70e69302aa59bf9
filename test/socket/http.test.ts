import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { dial, heard, parse, say } from "./support/wire.ts";

const url = inject("wireUrl");
const token = inject("wireToken");
const auth = `Authorization: token ${token}`;
const json = "Content-Type: application/json";
const host = "Host: stackpass.test";
const MiB = 1024 * 1024;

const get = async (path: string) => {
  const response = await fetch(url + path, { headers: { Authorization: `token ${token}` } });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
};
const tokenNames = async () => ((await get("/api/orgs/acme/tokens"))["tokens"] as { name: string }[]).map(({ name }) => name);
/** Expects that the server answers another client while the test holds a connection open. */
const isAlive = () => get("/api/user");

beforeAll(async () => {
  const response = await fetch(`${url}/api/stacks/acme/web`, {
    method: "POST",
    headers: { Authorization: `token ${token}`, "Content-Type": "application/json" },
    body: '{"stackName":"dev"}',
  });
  expect(response.status).toBe(200);
});

describe("a body", () => {
  it("that comes a byte at a time is waited for, and holds up nobody else", async () => {
    const text = '{"name":"slowly"}';
    const socket = await dial(url);
    const answered = heard(socket, (seen) => seen.includes("tokenValue"));
    socket.write([`POST /api/orgs/acme/tokens HTTP/1.1`, host, auth, json, `Content-Length: ${text.length}`, "", ""].join("\r\n"));
    for (const letter of text) {
      socket.write(letter);
      await new Promise((done) => setTimeout(done, 20));
    }
    expect(parse(await answered).status).toBe(200);
    socket.destroy();
    await isAlive();
  });

  it("that never comes, a hundred times at once, holds up nobody else", async () => {
    const paths = ["/api/orgs/acme/tokens", "/api/stacks/acme/web/dev/import"];
    const waiting = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const socket = await dial(url);
        socket.write([`POST ${paths[i % 2]} HTTP/1.1`, host, auth, json, "Content-Length: 1000", "", "{"].join("\r\n"));
        return socket;
      }),
    );
    await isAlive();
    for (const socket of waiting) socket.destroy();
    await isAlive();
    expect(await get("/api/stacks/acme/web/dev")).toMatchObject({ version: 0 });
  });

  it.each([
    ["JSON", "/api/orgs/acme/tokens"],
    ["a state", "/api/stacks/acme/web/dev/import"],
  ])("without end is refused, and not read for ever: %s", async (_, path) => {
    const flood = async () => {
      const socket = await dial(url);
      const answered = heard(socket, (seen) => seen.includes("\r\n\r\n"), 60_000);
      socket.write([`POST ${path} HTTP/1.1`, host, auth, json, "Transfer-Encoding: chunked", "", ""].join("\r\n"));
      const chunk = `${(64 * 1024).toString(16)}\r\n${" ".repeat(64 * 1024)}\r\n`;
      let sent = 0;
      const progress = { over: false };
      const done = answered.finally(() => (progress.over = true));
      while (!progress.over && sent < 1024 * MiB) {
        sent += 64 * 1024;
        if (!socket.write(chunk)) await Promise.race([new Promise((drained) => socket.once("drain", drained)), done]);
      }
      const { status } = parse(await done);
      socket.destroy();
      return { status, sent };
    };
    let { status, sent } = await flood();
    // The server closes the connection after a refusal, and a client that still sends may not receive the reason.
    for (let more = 0; status === 0 && more < 5; more++) ({ status, sent } = await flood());
    expect(status).toBe(413);
    // The server reads this much of a body that it refuses. Bytes in the buffers of both sides may be sent in addition.
    expect(sent).toBeLessThan(256 * MiB + 64 * MiB);
    await isAlive();
  });

  it("that is cut off changes nothing, even when it is complete JSON so far", async () => {
    const body = '{"name":"cut-off"}';
    await say(url, [`POST /api/orgs/acme/tokens HTTP/1.1`, host, auth, json, `Content-Length: ${body.length + 10}`], body, true);
    await say(url, [`POST /api/orgs/acme/tokens HTTP/1.1`, host, auth, json, "Transfer-Encoding: chunked"], `12\r\n${body}\r\n`, true);
    const state = JSON.stringify({ version: 3, deployment: {} });
    await say(url, ["POST /api/stacks/acme/web/dev/import HTTP/1.1", host, auth, json, `Content-Length: ${state.length + 1}`], state, true);
    const zipped = gzipSync(state);
    const head = ["POST /api/stacks/acme/web/dev/import HTTP/1.1", host, auth, json, "Content-Encoding: gzip"];
    await say(url, [...head, `Content-Length: ${zipped.length + 1}`], zipped, true);
    await isAlive();
    expect(await tokenNames()).not.toContain("cut-off");
    expect(await get("/api/stacks/acme/web/dev")).toMatchObject({ version: 0 });
  });

  it("that is longer than it says is not read on as a part of it", async () => {
    const body = '{"name":"short"}';
    const lines = [`POST /api/orgs/acme/tokens HTTP/1.1`, host, auth, json, `Content-Length: ${body.length}`];
    const { status } = await say(url, lines, `${body},"admin":true}`);
    expect(status).toBe(200);
    expect(
      ((await get("/api/orgs/acme/tokens"))["tokens"] as { name: string; admin: boolean }[]).find(({ name }) => name === "short"),
    ).toMatchObject({ admin: false });
  });

  it.each([
    ["two lengths", ["Content-Length: 18", "Content-Length: 5"]],
    ["a length and chunks", ["Content-Length: 18", "Transfer-Encoding: chunked"]],
    ["a length that is no number", ["Content-Length: 18x"]],
    ["a negative length", ["Content-Length: -1"]],
    ["an unknown transfer encoding", ["Transfer-Encoding: chunked, x"]],
    ["a hidden transfer encoding", ["Transfer-Encoding : chunked"]],
  ])("with %s is not followed by a second request made of its rest", async (_, lengths) => {
    const second = ["POST /api/orgs/acme/tokens HTTP/1.1", host, auth, json, "Content-Length: 19", "", '{"name":"smuggled"}'].join("\r\n");
    const socket = await dial(url);
    const answered = heard(socket, () => false, 1_000);
    socket.write([`POST /api/token-leaks HTTP/1.1`, host, json, ...lengths, "", `0\r\n\r\n${second}`].join("\r\n"));
    const answers = (await answered).match(/^HTTP\/1\.1 \d+/gm) ?? [];
    socket.destroy();
    expect(answers.length).toBeLessThanOrEqual(1);
    expect(await tokenNames()).not.toContain("smuggled");
    await isAlive();
  });

  it("with a credential in its trailers has no credential", async () => {
    const lines = ["POST /api/orgs/acme/tokens HTTP/1.1", host, json, "Transfer-Encoding: chunked", "Trailer: Authorization"];
    const { status } = await say(url, lines, `11\r\n{"name":"trailer"}\r\n0\r\n${auth}\r\n\r\n`);
    expect(status).not.toBe(200);
    expect(await tokenNames()).not.toContain("trailer");
  });
});

describe("a request line", () => {
  it.each(["TRACE", "CONNECT", "FOO", "get", "PROPFIND", "OPTIONS"])("with %s does nothing and reveals nothing", async (method) => {
    const { status, body, head } = await say(url, [`${method} /api/user HTTP/1.1`, host, auth]);
    // The runtime itself answers CONNECT with 500, before the Worker is called.
    expect(method === "CONNECT" ? [400, 405, 500] : [400, 404, 405, 501, 0]).toContain(status);
    expect(body + head).not.toContain(token);
    await isAlive();
  });

  it("with HEAD has no body, and the next answer is its own", async () => {
    const socket = await dial(url);
    const answered = heard(socket, (seen) => seen.endsWith("}"));
    socket.write([`HEAD /api/user HTTP/1.1`, host, auth, "", `GET /api/user HTTP/1.1`, host, auth, "", ""].join("\r\n"));
    const text = await answered;
    socket.destroy();
    expect(text.match(/^HTTP\/1\.1 200/gm)).toHaveLength(2);
    expect(text.match(/"organizations"/g)).toHaveLength(1);
  });

  it.each([
    ["/api/user/../orgs/acme/tokens", [404]],
    ["/api/orgs/acme/%2e%2e/acme/tokens", [404]],
    ["/api/orgs/acme%2Ftokens", [404]],
    ["/api/stacks/acme/web/..%2f..%2f..%2fuser", [400]],
    ["/api/stacks/acme/web/dev%00", [400]],
    ["/api/stacks/acme/web/dev%0d%0aX-Injected:%201", [400]],
    ["/api/stacks/acme/web/%ed%a0%80", [400]],
    ["/api/stacks/acme/web/%c0%ae%c0%ae", [400]],
    ["/api/stacks/acme/web/d%D0%B5v", [400]],
    ["/api/stacks/acme/web/dev%E2%80%AE", [400]],
    ["/api/stacks/%D0%B0cme/web/dev", [404]],
    ["/api/stacks/acme/web/dev;a=b", [400]],
    ["/api/stacks/acme/web/dev\\..\\x", [400, 404]],
    ["/api/user?__proto__[x]=1&constructor=2&x=%ff", [200]],
    [`/api/stacks/acme/web/${"a".repeat(30_000)}`, [400, 414, 431, 0]],
    ["http://evil.example/api/user", [200, 400, 404]],
    ["*", [400, 404, 0]],
    ["//evil.example/api/user", [404]],
    ["", [400, 0]],
    ["/api/us\u00e9r", [400, 404]],
  ])("that names %s is taken as it is written", async (path, statuses) => {
    const { status, head, body } = await say(url, [`GET ${path} HTTP/1.1`, host, auth]);
    expect(statuses).toContain(status);
    expect(head).not.toMatch(/^X-Injected/im);
    if (status >= 400 && body.startsWith("{"))
      expect(JSON.parse(body)).toMatchObject({ code: status, message: expect.any(String) as string });
    await isAlive();
  });

  it("of an older or unknown protocol is answered or refused, and causes no error", async () => {
    for (const version of ["HTTP/1.0", "HTTP/0.9", "HTTP/3.0", "HTTP/1.1.1", ""])
      expect((await say(url, [`GET /healthz ${version}`, host])).status).toBeLessThan(500);
    await isAlive();
  });
});

describe("headers", () => {
  it.each([
    ["one of 200 KB", [`X-Long: ${"x".repeat(200_000)}`]],
    ["ten thousand", Array.from({ length: 10_000 }, (_, i) => `X-Many-${i}: 1`)],
    ["bytes beyond ASCII", ["X-Odd: \u00ff\u00fe\u0080"]],
    ["a NUL", ["X-Odd: a\u0000b"]],
    ["a folded line", ["X-Odd: a\r\n b"]],
    ["no name", [": x"]],
    ["no colon", ["nothing"]],
    ["a token of 100 KB", [`Authorization: token ${"x".repeat(100_000)}`]],
    ["a cookie of 100 KB", [`Cookie: __Host-stackpass=${"x".repeat(100_000)}`]],
    ["a cookie that is not encoded as it says", ["Cookie: __Host-stackpass=%zz; %=%"]],
  ])("of %s cause no error", async (_, lines) => {
    const { status } = await say(url, ["GET /api/stacks/acme/web/dev HTTP/1.1", host, ...lines]);
    expect([400, 401, 413, 429, 431, 0]).toContain(status);
    await isAlive();
  });

  it("with two credentials count as none", async () => {
    expect((await say(url, ["GET /api/user HTTP/1.1", host, auth, "Authorization: token x"])).status).toBe(401);
    expect((await say(url, ["GET /api/user HTTP/1.1", host, "Authorization: token x", auth])).status).toBe(401);
  });

  it("with another host's name do not redirect to that host", async () => {
    for (const lines of [
      ["Host: evil.example"],
      [host, "X-Forwarded-Host: evil.example"],
      [host, "Forwarded: host=evil.example"],
      [host, "X-Original-URL: //evil.example/", "X-Rewrite-URL: //evil.example/"],
    ]) {
      const { head, body } = await say(url, ["GET /acme HTTP/1.1", ...lines, "Accept: text/html"]);
      expect(head).toMatch(/^Location: \/signin/im);
      expect(head + body).not.toContain("evil.example");
    }
    for (const next of ["//evil.example", "/%5Cevil.example", "https://evil.example", "/\\evil.example", "/%09/evil.example"]) {
      const { body } = await say(url, [`GET /signin?next=${encodeURIComponent(next)} HTTP/1.1`, host, "Accept: text/html"]);
      expect(body).not.toMatch(/value="(?:https:)?[\\/]{2}evil|value="\/[\\\t]/);
    }
  });

  it("without a valid host are answered or refused, and cause no error", async () => {
    expect((await say(url, ["GET /healthz HTTP/1.1"])).status).toBeLessThan(500);
    for (const odd of ["", "a b", "[::1", "x".repeat(5_000), "a:99999", "ü", "a/b", "@"])
      expect([odd.slice(0, 9), (await say(url, ["GET /signin HTTP/1.1", `Host: ${odd}`, "Accept: text/html"])).status < 500]).toEqual([
        odd.slice(0, 9),
        true,
      ]);
    await isAlive();
  });
});
