/**
 * `npm run test:upgrade -- --from REVISION`: upgrades a local deployment of an earlier revision to this checkout while the real CLI runs an
 * update, and checks that nothing is lost: tokens, states, history, the running update, and the chain of the audit log. The server of the
 * earlier revision is killed in the middle of the update. This checkout's migrations are applied, and its server starts behind the same address.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs, promisify } from "node:util";
import type { DevCredentials } from "../scripts/prepare.ts";
import { env, root } from "../scripts/wrangler.ts";
import { findCli } from "./cli.ts";

/** Enough that the update is running for some seconds, with several journal requests. */
const RESOURCES = 300;

const { from } = parseArgs({ options: { from: { type: "string" } } }).values;
const cli = findCli();
if (!from || !cli) {
  console.error(from ? "There is no pulumi CLI in PULUMI_CLI, PATH or ~/.pulumi/bin." : "--from needs a revision: a tag or a commit");
  process.exit(2);
}
const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "stackpass-upgrade-"));
const data = join(folder, "data");
const older = join(folder, "checkout");
let failed = 0;

function check(name: string, isGood: boolean, found: unknown = ""): void {
  if (!isGood) failed++;
  console.log(`${isGood ? "ok  " : "FAIL"}  ${name}${isGood ? "" : `: ${String(found).slice(0, 500)}`}`);
}

/** A server of a checkout: it prepares the folder, bundles its Worker, and prints its address and credentials. */
interface Server {
  child: ChildProcess;
  url: string;
  credentials: DevCredentials;
}

async function start(checkout: string): Promise<Server> {
  const script = `
    const { prepare } = await import(${JSON.stringify(join(checkout, "scripts/prepare.ts"))});
    const { bundle, startBuilt } = await import(${JSON.stringify(join(checkout, "scripts/built.ts"))});
    const credentials = await prepare(${JSON.stringify(data)}, "");
    const folder = ${JSON.stringify(join(folder, `bundle-of-${checkout === root ? "new" : "old"}`))};
    bundle(folder);
    const { url } = await startBuilt(folder, ${JSON.stringify(data)}, 0, {}, undefined, () => {});
    console.log("started " + JSON.stringify({ url, credentials }));
  `;
  // A process group of its own, so that a kill ends workerd too.
  const file = join(folder, "start.mjs");
  writeFileSync(file, script);
  const child = spawn(process.execPath, [file], {
    cwd: checkout,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface(child.stdout!))
    if (line.startsWith("started ")) return { child, ...(JSON.parse(line.slice("started ".length)) as Omit<Server, "child">) };
  throw new Error(`the server of ${checkout} did not start`);
}

async function kill({ child }: Server): Promise<void> {
  const ended = once(child, "exit");
  process.kill(-child.pid!, "SIGKILL");
  await ended;
}

/** A project with resources whose text is an edition, and a secret. */
function project(name: string, resources: number): string {
  const place = mkdtempSync(join(folder, `${name}-`));
  const lines = ["name: upgrade", "runtime: yaml", "config:", "  password: { type: string, secret: true }", "resources:"];
  for (let i = 0; i < resources; i++)
    lines.push(`  r${i}: { type: "pulumi:index:Stash", properties: { input: "${"x".repeat(16_000)}${i}" } }`);
  lines.push('  held: { type: "pulumi:index:Stash", properties: { input: "${password}" } }', "outputs:", "  password: ${held.output}");
  writeFileSync(join(place, "Pulumi.yaml"), `${lines.join("\n")}\n`);
  return place;
}

const runnerOf = (place: string, url: string, token: string) => ({
  cwd: place,
  maxBuffer: 1 << 28,
  env: {
    PATH: `${join(cli, "..")}${delimiter}${process.env["PATH"]}`,
    HOME: place,
    PULUMI_HOME: join(place, "home"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_BACKEND_URL: url,
    PULUMI_ACCESS_TOKEN: token,
  } as unknown as NodeJS.ProcessEnv,
});

async function ask(url: string, method: string, path: string, token: string, json?: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { Authorization: `token ${token}`, "Content-Type": "application/json" },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") || text.startsWith("[") ? (JSON.parse(text) as unknown) : text };
}

/**
 * Plays the part of Cloudflare's edge, which accepts requests while a deployment restarts the objects: a request that finds no server, or
 * whose connection ends, is sent again until there is an answer.
 */
async function edge(target: () => string): Promise<{ url: string; stop: () => void }> {
  const listener = createServer((incoming, outgoing) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const once = () =>
        new Promise<void>((answered, failed) => {
          const { method, url: path, headers } = incoming;
          const request = httpRequest(target() + path!, { method: method!, headers }, (answer) => {
            const parts: Buffer[] = [];
            answer.on("data", (part: Buffer) => void parts.push(part)).on("error", failed);
            answer.on("end", () => {
              outgoing.writeHead(answer.statusCode!, answer.headers).end(Buffer.concat(parts));
              answered();
            });
          });
          request.on("error", failed).end(body);
        });
      while (
        !(await once().then(
          () => true,
          () => false,
        ))
      )
        await waitFor(200);
    })();
  });
  await new Promise<void>((listening) => listener.listen(0, "127.0.0.1", listening));
  const { port } = listener.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, stop: () => void (listener.closeAllConnections(), listener.close()) };
}

const waitFor = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

let server: Server | undefined;
const front = await edge(() => server!.url);
try {
  execFileSync("git", ["worktree", "add", "--quiet", "--detach", older, from], { cwd: root, stdio: "inherit" });
  symlinkSync(join(root, "node_modules"), join(older, "node_modules"));
  server = await start(older);
  const { credentials } = server;
  const { url } = front;
  const admin = credentials.organizations["acme"]!["admin"]!;
  const newToken = async (name: string) =>
    (await ask(url, "POST", "/api/orgs/acme/tokens", admin, { name })).body as { id: string; tokenValue: string };
  const [jenkins, deleted] = [await newToken("jenkins"), await newToken("deleted")];
  await ask(url, "DELETE", `/api/orgs/acme/tokens/${deleted.id}`, admin);

  const small = project("small", 3);
  const run = (place: string, ...args: string[]) => execute(cli, [...args, "--non-interactive"], runnerOf(place, url, jenkins.tokenValue));
  const exported = async (place: string, stack: string) => (await run(place, "stack", "export", "--stack", stack)).stdout;
  await run(small, "stack", "init", "acme/upgrade/small");
  await run(small, "config", "set", "--secret", "password", "hunter2", "--stack", "acme/upgrade/small");
  await run(small, "up", "--yes", "--stack", "acme/upgrade/small");
  const before = await exported(small, "acme/upgrade/small");

  const large = project("large", RESOURCES);
  await run(large, "stack", "init", "acme/upgrade/large");
  await run(large, "config", "set", "--secret", "password", "hunter3", "--stack", "acme/upgrade/large");
  const up = run(large, "up", "--yes", "--skip-preview", "--stack", "acme/upgrade/large").then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({ code: error.code, output: `${error.stdout}${error.stderr}` }),
  );
  const isRunning = async () =>
    ((await ask(url, "GET", "/api/stacks/acme/upgrade/large", admin)).body as { currentOperation?: unknown }).currentOperation !==
    undefined;
  while (!(await isRunning())) await waitFor(200);
  await waitFor(3000);
  check("the update of the earlier revision is running when its server is killed", await isRunning());
  await kill(server);

  console.log("The server of this checkout starts on the same data.");
  server = await start(root);
  const { code, output } = await up;
  check("the update finishes", code === 0, output);
  const resources = JSON.parse(await exported(large, "acme/upgrade/large")) as { deployment: { resources: unknown[] } };
  // The root resource and the default providers are added to the resources of the program.
  check(
    "and every resource is in the state",
    resources.deployment.resources.length >= RESOURCES + 2,
    resources.deployment.resources.length,
  );
  check("an older state is the same text", (await exported(small, "acme/upgrade/small")) === before);
  const secret = await run(small, "stack", "output", "password", "--show-secrets", "--stack", "acme/upgrade/small");
  check("an older secret can be decrypted", secret.stdout.trim() === "hunter2", secret.stderr);
  await run(small, "up", "--yes", "--expect-no-changes", "--stack", "acme/upgrade/small");
  const history = JSON.parse((await run(small, "stack", "history", "--json", "--stack", "acme/upgrade/small")).stdout) as unknown[];
  check("an older stack goes on, with its history", history.length === 2, history.length);
  check("a token that was deleted before is refused", (await ask(url, "GET", "/api/user", deleted.tokenValue)).status === 401);
  await waitFor(5000);
  const chain = await ask(url, "GET", "/api/orgs/acme/auditlogs/verify", admin);
  check(
    "the audit log is one valid chain",
    chain.status === 200 && (chain.body as { valid?: boolean }).valid === true,
    JSON.stringify(chain),
  );
  const { auditLogEvents } = (await ask(url, "GET", "/api/orgs/acme/auditlogs/v2?pageSize=100", admin)).body as {
    auditLogEvents: { event: string; tokenID?: string }[];
  };
  const completed = auditLogEvents.filter(({ event, tokenID }) => event === "stack-update-completed" && tokenID === jenkins.id);
  // Two runs of the small stack with their previews, and one of the large stack without a preview.
  check(
    "and names the token at the end of each update and preview once",
    completed.length === 5,
    JSON.stringify(auditLogEvents.map(({ event }) => event)),
  );
} finally {
  front.stop();
  if (server && server.child.exitCode === null) await kill(server).catch(() => {});
  try {
    execFileSync("git", ["worktree", "remove", "--force", older], { cwd: root });
  } catch {
    // The stack was not added.
  }
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);
