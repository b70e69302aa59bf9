import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, type Server, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../cli/support/port.ts";
import { root, runScript } from "./support/checkout.ts";

const folder = mkdtempSync(join(tmpdir(), "stackpass-dev-"));
const state = join(folder, "state");
const running: ChildProcess[] = [];

interface Dev {
  port: number;
  output: () => string;
  /** Sends an interrupt to every process of the terminal, as Ctrl-C does. @returns the exit code */
  interrupt: () => Promise<number | null>;
  until: (text: string) => Promise<void>;
}

async function dev(): Promise<Dev> {
  const port = await freePort();
  const args = ["--import", "./scripts/node.mjs", "scripts/dev.ts", "--port", String(port), "--persist-to", state];
  const child = spawn(process.execPath, args, { cwd: root, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  running.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (output += part.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    port,
    output: () => output,
    interrupt: () => {
      process.kill(-child.pid!, "SIGINT");
      return ended;
    },
    until: async (text) => {
      while (!output.includes(text)) {
        if (child.exitCode !== null) throw new Error(output);
        await new Promise((done) => setTimeout(done, 50));
      }
    },
  };
}

async function ready(): Promise<Dev> {
  const server = await dev();
  await server.until("Press Ctrl-C");
  return server;
}

/**
 * The processes of a group, including children whose parent has ended. A process that has ended and waits to be reaped (`Z`) does not
 * count.
 */
const groupOf = (leader: ChildProcess) =>
  execFileSync("ps", ["-A", "-o", "pgid=,stat=,args="], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.trim().startsWith(`${leader.pid} `) && !/^\s*\d+\s+Z/.test(line));

const tokens = () =>
  (JSON.parse(readFileSync(join(state, "stackpass-dev.json"), "utf8")) as { organizations: { acme: { admin: string; member: string } } })
    .organizations.acme;

const loginOf = async ({ port }: Dev, token: string) => {
  const answer = await fetch(`http://localhost:${port}/api/user`, { headers: { Authorization: `token ${token}` } });
  return answer.ok ? ((await answer.json()) as { githubLogin: string }).githubLogin : answer.status;
};

afterEach(() => {
  for (const child of running.splice(0)) {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // The process has ended.
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("npm run dev", () => {
  it("says what it does, welcomes once and last, logs a line for each request, and leaves nothing behind at Ctrl-C", async () => {
    const server = await ready();
    const [first] = server.output().split("\n");
    expect(first).toContain("is preparing its database");
    expect(await loginOf(server, tokens().admin)).toBe("ada");
    expect(await loginOf(server, `pul-${"0".repeat(40)}`)).toBe(401);
    await server.until(" 401 ");
    const [child] = running;
    expect(groupOf(child!).length).toBeGreaterThan(1);
    expect(await server.interrupt()).toBe(0);
    expect(groupOf(child!)).toEqual([]);

    const output = server.output();
    expect(output.match(/Stackpass runs at/g)).toHaveLength(1);
    expect(output).toContain(`Console:      http://localhost:${server.port} — sign in with ada's token`);
    expect(output).toContain(`PULUMI_CONSOLE_DOMAIN=localhost:${server.port}`);
    for (const token of [tokens().admin, tokens().member]) expect(output).toContain(token);
    const log = output.slice(output.indexOf("Press Ctrl-C")).split("\n").slice(1).filter(Boolean);
    expect(log[0]).toMatch(/^GET \/api\/user 200 \d+ ms, ada$/);
    expect(log[1]).toMatch(/^GET \/api\/user 401 \d+ ms, no caller: \w+$/);
    expect(log[2]).toContain("Stackpass has stopped");
    expect(log).toHaveLength(3);
    // The output must not contain wrangler's own messages, or those about a network that is not needed.
    expect(output).not.toMatch(/wrangler|Binding|Scheduled|Request\.cf|\{"message"/);
  });

  it("keeps its tokens from one start to the next", async () => {
    const before = tokens();
    const server = await ready();
    expect(tokens()).toEqual(before);
    expect(await loginOf(server, before.member)).toBe("mel");
    await server.interrupt();
  });

  it.each(["v3", "stackpass-dev.json", "secrets.env"])("makes new tokens that work when %s is gone", async (name) => {
    const before = tokens();
    rmSync(join(state, name), { recursive: true });
    const server = await ready();
    expect(tokens()).not.toEqual(before);
    for (const token of [tokens().admin, tokens().member]) expect(server.output()).toContain(token);
    expect([await loginOf(server, tokens().admin), await loginOf(server, tokens().member)]).toEqual(["ada", "mel"]);
    expect(server.output().includes("did not belong to this database")).toBe(name !== "stackpass-dev.json");
    await server.interrupt();
  });

  describe("where the port is taken", () => {
    let other: Server;
    beforeAll(async () => {
      other = createServer();
      await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
    });
    afterAll(() => other.close());

    it("names another one, shows no token and makes nothing", async () => {
      const { port } = other.address() as AddressInfo;
      const { code, stdout, stderr } = await runScript(root, "dev", ["--port", String(port), "--persist-to", join(folder, "other")]);
      expect(code).toBe(2);
      expect(stdout).toBe("");
      expect(stderr).toBe(`Port ${port} is in use. Choose another: npm run dev -- --port ${port + 1}\n`);
      expect(() => readFileSync(join(folder, "other/stackpass-dev.json"))).toThrow("ENOENT");
    });
  });

  it("says what is wrong with its options", async () => {
    for (const port of ["web", "0", "70000"])
      expect(await runScript(root, "dev", ["--port", port])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("is not a valid port") as string,
      });
    expect(await runScript(root, "dev", ["--prot", "1"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("The options are --port") as string,
    });
  });

  it("says in a sentence that Node is too old", () => {
    const run = () =>
      execFileSync(process.execPath, ["--no-experimental-strip-types", "--import", "./scripts/node.mjs", "scripts/dev.ts"], {
        cwd: root,
        encoding: "utf8",
        stdio: "pipe",
      });
    expect(run).toThrow(/This script needs Node 22\.18 or newer[^]*npm rebuild node/);
    expect(run).not.toThrow("ERR_UNKNOWN_FILE_EXTENSION");
  });
});
