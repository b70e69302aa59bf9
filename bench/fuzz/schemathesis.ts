/** Runs Schemathesis in its own virtual environment, through a proxy, so that its answers are checked like all others. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { root } from "../../scripts/wrangler.ts";
import { type Json, seeded } from "./document.ts";
import { type Sent, type Received, anAddress, send } from "./send.ts";
import type { Credential, World } from "./world.ts";

const VERSION = "4.32.5";
const home = join(root, "bench/results/schemathesis");

/** Creates the virtual environment if it does not exist. Without Python 3 it ends the script. */
export function install(): string {
  const python = process.env["PYTHON"] ?? "python3";
  const venv = join(home, VERSION);
  const binary = join(venv, "bin/schemathesis");
  if (existsSync(binary)) return binary;
  mkdirSync(home, { recursive: true });
  const run = (command: string, ...args: string[]) => {
    const { status, error, stderr } = spawnSync(command, args, { encoding: "utf8" });
    if (status === 0) return;
    console.error(`Schemathesis needs Python 3.10 or newer with venv and pip; ${command} says: ${error?.message ?? stderr.trim()}`);
    console.error("Set PYTHON to another one, or leave Schemathesis out: npm run fuzz -- --schemathesis 0");
    process.exit(1);
  };
  run(python, "-m", "venv", venv);
  run(join(venv, "bin/pip"), "install", "--quiet", `schemathesis==${VERSION}`);
  return binary;
}

export interface Outcome {
  /** Whether it ended by itself, before it reached its share of requests. */
  finished: boolean;
  /** The failures that Schemathesis itself reported. */
  complaints: string;
}

/**
 * Runs Schemathesis against a world with one credential.
 * @param share number of requests after which it is stopped
 * @param noted called for each answer
 */
export async function drive(
  binary: string,
  document: Json,
  world: World,
  credential: Credential,
  share: number,
  seed: number,
  noted: (sent: Sent, received: Received) => void,
): Promise<Outcome> {
  let requests = 0;
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const {
        host: _,
        connection: __,
        "transfer-encoding": ___,
        "content-length": ____,
        authorization: _____,
        ...others
      } = incoming.headers;
      const sent: Sent = {
        method: incoming.method ?? "GET",
        path: incoming.url ?? "/",
        headers: { "cf-connecting-ip": anAddress(), ...(others as Record<string, string>), ...credential.headers },
        body: chunks.length > 0 ? Buffer.concat(chunks) : undefined,
      };
      send(world.url, sent).then(
        (received) => {
          const headers = Object.entries(received.headers).filter(([name]) => !["connection", "transfer-encoding"].includes(name));
          outgoing.writeHead(received.status, Object.fromEntries(headers) as Record<string, string>);
          outgoing.end(received.body);
          noted(sent, received);
          if (++requests >= share) child.kill("SIGKILL");
        },
        () => outgoing.destroy(),
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;

  const file = join(home, `${credential.name.replaceAll(/\W+/g, "-")}.json`);
  writeFileSync(file, JSON.stringify(seeded(document, world.known)));
  // This is more than needed, because the share ends the run.
  const examples = Math.max(2, Math.ceil(share / 100));
  const child = spawn(
    binary,
    [
      ["run", file, "--url", `http://127.0.0.1:${port}`],
      Object.entries(credential.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
      ["--phases", "examples,fuzzing,coverage,stateful", "--checks", "not_a_server_error,response_schema_conformance"],
      ["--max-examples", String(examples), "--seed", String(seed), "--generation-database", "none"],
      ["--workers", "2", "--no-shrink", "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--no-color"],
    ].flat(),
    { stdio: ["ignore", "pipe", "pipe"], cwd: home },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  await once(child, "exit");
  await new Promise((done) => server.close(done).closeAllConnections());
  const finished = requests < share;
  if (finished && child.exitCode !== 0 && child.exitCode !== 1) throw new Error(`schemathesis: ${output.slice(-2000)}`);
  const failures = output.indexOf("FAILURES");
  return { finished, complaints: failures < 0 ? "" : output.slice(failures) };
}
