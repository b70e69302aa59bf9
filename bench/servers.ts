/** The servers that are compared. Each starts with an empty folder. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { bundle, startBuilt } from "../scripts/built.ts";
import { type DevCredentials, prepare } from "../scripts/prepare.ts";
import { env, root } from "../scripts/wrangler.ts";

export interface BenchServer {
  name: string;
  /** Backend URL for the CLI. */
  url: string;
  /** An access token of organization acme. */
  token: string;
  /** The personal token of its administrator. */
  admin: string;
  /** Address of V8's inspector, and the file with the source map of the bundle, if they were requested. */
  inspector?: string;
  map?: string;
  /** Runs the cron, which only the bundle in workerd can do. */
  cron?: (at: Date) => Promise<void>;
  stop: () => Promise<void>;
}

export const newFolder = () => mkdtempSync(join(tmpdir(), "stackpass-bench-"));

/**
 * A server that runs elsewhere and speaks the same API. @param place its address and an access token of its organization `acme`: `URL,TOKEN`
 */
export function peer(place: string): BenchServer {
  const [url = "", token = ""] = place.split(",");
  if (!URL.canParse(url) || token === "") throw new Error("--peer needs URL,TOKEN");
  return { name: "peer", url: url.replace(/\/$/, ""), token, admin: token, stop: async () => undefined };
}

export async function floor(): Promise<BenchServer> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "floor.ts")], { stdio: ["pipe", "pipe", "inherit"] });
  const [url] = (await once(createInterface(child.stdout), "line")) as [string];
  return {
    name: "floor",
    url,
    token: "floor",
    admin: "floor",
    stop: async () => {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

/** Prints only errors: the Worker logs a line for each request. */
const sayFaults = (line: string) => void (line.includes('"error"') && console.error(line));

/** The production bundle in workerd. `scripts/built.ts` explains it and the parameters. */
export async function built(
  vars: Record<string, string> = {},
  front?: string,
  entry?: string,
  inspected = false,
  named = false,
): Promise<BenchServer> {
  const folder = newFolder();
  const credentials = await prepare(folder, "");
  bundle(join(folder, "bundle"), entry, named);
  // The limits are off: one caller sends more than they allow, and the local limiter is slow because it writes to disk.
  const unlimited = { TOKEN_REQUESTS: "off", ORGANIZATION_REQUESTS: "off", TOKEN_EXCHANGES: "off" };
  const all = { ...unlimited, ...vars };
  const { url, inspector, cron, stop } = await startBuilt(join(folder, "bundle"), folder, 0, all, front, sayFaults, inspected);
  return {
    name: "built",
    url,
    token: await organizationToken(url, credentials),
    admin: credentials.organizations["acme"]!["admin"]!,
    ...(inspector && { inspector, map: join(folder, "bundle/index.js.map") }),
    cron,
    stop: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The server of `npm run dev`, with wrangler's proxy in front. */
export async function wranglerDev(port = 8797, inspectorPort?: number): Promise<BenchServer> {
  const folder = newFolder();
  const inspected = inspectorPort === undefined ? [] : ["--inspector-port", String(inspectorPort)];
  const child = spawn("npm", ["run", "dev", "--", "--port", String(port), "--persist-to", folder, ...inspected], {
    cwd: root,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (data: Buffer) => {
      if (data.toString().includes("Stackpass runs at")) resolve();
    });
    child.on("exit", () => reject(new Error("wrangler dev did not start")));
  });
  const credentials = JSON.parse(readFileSync(join(folder, "stackpass-dev.json"), "utf8")) as DevCredentials;
  return {
    name: "wrangler dev",
    url: credentials.url,
    token: await organizationToken(credentials.url, credentials),
    admin: credentials.organizations["acme"]!["admin"]!,
    ...(inspectorPort !== undefined && { inspector: `http://127.0.0.1:${inspectorPort}` }),
    stop: async () => {
      if (child.pid) process.kill(-child.pid, "SIGTERM");
      await once(child, "exit");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function organizationToken(url: string, credentials: DevCredentials): Promise<string> {
  const response = await fetch(`${url}/api/orgs/acme/tokens`, {
    method: "POST",
    headers: { Authorization: `token ${credentials.organizations["acme"]?.["admin"]}`, "Content-Type": "application/json" },
    body: JSON.stringify({ name: "bench" }),
  });
  if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { tokenValue: string }).tokenValue;
}
