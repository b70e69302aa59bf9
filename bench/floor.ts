/**
 * The floor: a server that answers at once and checks and stores nothing, so that what is left is the CLI's own time. It
 * keeps the journal in memory and replays it with the plain model of the property tests, after the answer.
 */
import { type IncomingMessage, type Server, createServer } from "node:http";
import { gunzipSync } from "node:zlib";
import { modelReplay } from "../test/state/model.ts";

const empty = '{"version":3,"deployment":{"manifest":{"time":"0001-01-01T00:00:00Z","magic":"","version":""}}}';

interface FloorStack {
  version: number;
  activeUpdate: string;
  state: string;
  journal: { body: Buffer; gzip: boolean }[];
}

export function startFloor(): Promise<{ server: Server; url: string }> {
  const stacks = new Map<string, FloorStack>();
  let updates = 0;

  const answer = (method: string, path: string, body: Buffer, gzip: boolean): object | string | undefined => {
    const json = () => JSON.parse((gzip ? gunzipSync(body) : body).toString() || "{}") as Record<string, unknown>;
    if (path === "/api/user")
      return { id: "u", githubLogin: "acme", name: "acme", email: "", avatarUrl: "", organizations: [], identities: [] };
    if (path === "/api/user/organizations/default") return { GitHubLogin: "acme", Messages: [] };
    if (path === "/api/capabilities") return { capabilities: [{ capability: "batch-encrypt" }] };
    const [, , , org, project, name, verb, id, call] = path.split("/");
    if (name === undefined) {
      const stackName = String(json()["stackName"]);
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
      case "journalentries":
        stack.journal.push({ body, gzip });
        return {};
      case "batch":
        return {};
      case "complete":
        stack.version++;
        fold(stack);
        return {};
      case "renew_lease":
        return { token: "lease" };
    }
    if (id) return { version: stack.version + 1, token: "lease", journalVersion: json()["journalVersion"] ?? 0 };
    stack.activeUpdate = `u${++updates}`;
    return { updateID: stack.activeUpdate };
  };

  const server = createServer((request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    void bodyOf(request).then((body) => {
      const result = answer(request.method ?? "GET", path, body, request.headers["content-encoding"] === "gzip");
      response.writeHead(result === undefined ? 404 : 200, { "Content-Type": "application/json" });
      response.end(typeof result === "string" ? result : JSON.stringify(result ?? { code: 404, message: "Not Found" }));
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve({ server, url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}` });
    });
  });
}

function fold(stack: FloorStack): void {
  const { journal } = stack;
  stack.journal = [];
  setImmediate(() => {
    const entries = journal.flatMap(
      ({ body, gzip }) => (JSON.parse((gzip ? gunzipSync(body) : body).toString()) as { entries: object[] }).entries,
    );
    if (entries.length > 0) stack.state = JSON.stringify(modelReplay(stack.state, entries, new Date().toISOString(), "v3.259.0"));
  });
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
