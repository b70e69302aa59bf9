import { once } from "node:events";
import { createServer, request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { gateOf, isAtLeast, nodeProject } from "./support/programs.ts";
import { newSecret } from "./support/secrets.ts";
import type { Server } from "./support/server.ts";
import { type Result, Terminal } from "./support/terminal.ts";

/** Number of requests in a period that an isolate accepts before it asks the limiter, and the limiter's own limit. */
const PASS = 50 + 20;

let server: Server;
/** Answers to the CLI, in order. */
const answers: { method: string; path: string; status: number; retryAfter: string | undefined }[] = [];
/** Forwards requests between the CLI and the server, and records the answers. */
const witness = createServer((incoming, outgoing) => {
  const { hostname, port } = new URL(server.url);
  const passedOn = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (response) => {
    answers.push({
      method: incoming.method!,
      path: incoming.url!.split("?")[0]!,
      status: response.statusCode!,
      retryAfter: response.headers["retry-after"],
    });
    outgoing.writeHead(response.statusCode!, response.headers);
    response.pipe(outgoing);
  });
  passedOn.on("error", () => outgoing.destroy());
  incoming.pipe(passedOn);
});
let url: string;

beforeAll(async () => {
  server = await startBuiltServer("limits", { TOKEN_REQUESTS: "20" });
  witness.listen(0, "127.0.0.1");
  await once(witness, "listening");
  url = `http://127.0.0.1:${(witness.address() as { port: number }).port}`;
});
afterAll(async () => {
  witness.close().closeAllConnections();
  await server.stop();
});

const admin = () => server.credentials.organizations["acme"]!["admin"]!;
const refusedCalls = () => answers.filter(({ status }) => status === 429);

/** Makes requests with a token until there are enough. It makes many at once, so that they soon exceed the limit of each period. */
async function flood(token: string, enough: () => boolean): Promise<void> {
  const headers = { Authorization: `token ${token}` };
  while (!enough()) {
    await Promise.all(Array.from({ length: PASS }, () => fetch(`${server.url}/api/user`, { headers }).then((answer) => answer.text())));
    await wait(200);
  }
}

it("a command with too many reads waits as long as the answer requests, or reports the limit", async () => {
  const machine = await newOrgToken("busy", { url: server.url, admin: admin() });
  const terminal = new Terminal({ project: nodeProject("busy", { things: [] }), token: machine.value, url });
  await terminal.pulumi("stack", "init", "acme/busy/dev");
  answers.length = 0;
  const flooding = flood(machine.value, () => refusedCalls().length > 0);
  let result: Result;
  // A command that finishes early in a period is not refused, so it is repeated.
  do result = await terminal.run("stack", "ls", "--all");
  while (refusedCalls().length === 0);
  await flooding;
  const { code, stdout, stderr } = result;
  expect(refusedCalls()[0]).toMatchObject({ method: "GET", retryAfter: "10" });
  // 3.207 and 3.140 repeat the call too soon, and give up.
  if (!isAtLeast(259)) return expect(stderr).toContain("request rate-limit exceeded");
  expect(code, stderr).toBe(0);
  return expect(stdout).toMatch(/^dev\b/m);
});

it("an update that has begun is not held up by any limit, and loses nothing", async () => {
  const machine = await newOrgToken("running", { url: server.url, admin: admin() });
  const project = nodeProject("running", {
    things: [
      { name: "first", props: { gate: "first" } },
      { name: "second", secret: "password", dependsOn: ["first"], props: { note: "n".repeat(50_000) } },
    ],
  });
  const terminal = new Terminal({ project, token: machine.value, url });
  await terminal.pulumi("stack", "init", "acme/running/dev");
  await terminal.pulumi("config", "set", "--secret", "password", newSecret());
  answers.length = 0;
  const up = terminal.start("up", "--yes", "--skip-preview");
  const gate = gateOf(project, "first");
  await up.until("the first resource is made", () => gate.reached());
  let over = false;
  const flooding = flood(machine.value, () => over);
  // From here on every other call of this token is refused.
  await expect
    .poll(async () => (await fetch(`${server.url}/api/user`, { headers: { Authorization: `token ${machine.value}` } })).status)
    .toBe(429);
  const since = answers.length;
  gate.open();
  const { code, stdout, stderr } = await up.ended;
  over = true;
  await flooding;
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  expect(refusedCalls()).toEqual([]);
  expect(answers.slice(since).some(({ path, status }) => path.endsWith("encrypt") && status === 200)).toBe(true);
});
