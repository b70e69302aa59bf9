/**
 * The floor: a server that answers at once and checks nothing, so that a command takes only the CLI's own time. It has the journal in
 * memory and replays it after the answer, with the simple model of the property tests. It is a separate process, as the Worker is: it
 * prints its URL and ends with its parent.
 */
import { type IncomingMessage, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { modelReplay } from "../test/state/model.ts";

const empty = '{"version":3,"deployment":{"manifest":{"time":"0001-01-01T00:00:00Z","magic":"","version":""}}}';

interface Body {
  bytes: Buffer;
  gzip: boolean;
}

interface FloorStack {
  version: number;
  activeUpdate: string;
  state: string;
  journal: Body[];
}

const stacks = new Map<string, FloorStack>();
let updates = 0;

/** The members of a body that the floor reads. */
interface Sent {
  stackName: string;
  plaintext: string;
  journalVersion?: number;
  entries: object[];
}

const parse = ({ bytes, gzip }: Body) => JSON.parse((gzip ? gunzipSync(bytes) : bytes).toString() || "{}") as Sent;

/** @returns JSON, as text or as an object; undefined for 404 */
function answer(method: string, path: string, body: Body): object | string | undefined {
  if (path === "/api/user")
    return { id: "u", githubLogin: "acme", name: "acme", email: "", avatarUrl: "", organizations: [], identities: [] };
  if (path === "/api/user/stacks") return { stacks: [] };
  if (path === "/api/user/organizations/default") return { GitHubLogin: "acme", Messages: [] };
  if (path === "/api/capabilities") return { capabilities: [{ capability: "batch-encrypt" }] };

  const [, , , org, project, name, verb, id, call] = path.split("/");
  if (name === undefined) {
    const { stackName } = parse(body);
    stacks.set(`${org}/${project}/${stackName}`, { version: 0, activeUpdate: "", state: empty, journal: [] });
    return {};
  }
  const stack = stacks.get(`${org}/${project}/${name}`);
  if (!stack) return undefined;
  switch (call ?? verb) {
    case undefined:
      if (method === "DELETE") stacks.delete(`${org}/${project}/${name}`);
      return {
        id: name,
        orgName: org,
        projectName: project,
        stackName: name,
        activeUpdate: stack.activeUpdate,
        tags: {},
        version: stack.version,
      };
    case "export":
      return stack.state;
    case "encrypt":
      return { ciphertext: parse(body).plaintext };
    case "journalentries":
      stack.journal.push(body);
      return {};
    case "batch":
      return {};
    case "complete":
      stack.version++;
      setImmediate(() => fold(stack));
      return {};
    case "renew_lease":
      return { token: "lease" };
  }
  if (id) return { version: stack.version + 1, token: "lease", journalVersion: parse(body).journalVersion ?? 0 };
  stack.activeUpdate = `u${++updates}`;
  return { updateID: stack.activeUpdate };
}

/** Replays the journal for the next command. No request waits for it. */
function fold(stack: FloorStack): void {
  const entries = stack.journal.splice(0).flatMap((body) => parse(body).entries);
  if (entries.length > 0) stack.state = JSON.stringify(modelReplay(stack.state, entries, new Date().toISOString(), "v3.259.0"));
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return { bytes: Buffer.concat(chunks), gzip: request.headers["content-encoding"] === "gzip" };
}

const server = createServer((request, response) => {
  const [path = ""] = (request.url ?? "").split("?");
  void bodyOf(request).then((body) => {
    const result = answer(request.method ?? "GET", path, body);
    response.writeHead(result === undefined ? 404 : 200, { "Content-Type": "application/json" });
    response.end(typeof result === "string" ? result : JSON.stringify(result ?? { code: 404, message: "Not Found" }));
  });
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.stdin.resume().on("end", () => process.exit());
