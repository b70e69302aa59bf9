import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { newOrgToken, request } from "./support/api.ts";
import { startBuiltServer } from "./support/builtServer.ts";
import { Chains } from "./support/chains.ts";
import { type Deployment, expectAcknowledged } from "./support/expected.ts";
import { giveBack } from "./support/lease.ts";
import { Random } from "./support/random.ts";
import { Recorder } from "./support/recorder.ts";
import type { Server } from "./support/server.ts";
import { Terminal } from "./support/terminal.ts";

const { kills: KILLS } = inject("sizes");
const SEED = inject("seed");
/** Number of rounds that run in parallel, each with its own server. */
const LANES = Math.min(inject("sizes").lanes, Math.max(KILLS, 1));
const BUSY = "[409] Conflict: Another update is currently in progress.";

const commands = { up: 8, destroy: 1, refresh: 1 };
const victims = { server: 5, both: 3, cli: 2 };
const endings = { cancel: 2, lease: 1 };

interface Stack {
  activeUpdate: string;
  version: number;
  currentOperation?: object;
}

const totals = new Map<string, number>();
const count = (what: string, more = 1) => totals.set(what, (totals.get(what) ?? 0) + more);

beforeAll(() => {
  console.log(`${KILLS} kills in ${LANES} lanes: KILLS=${KILLS} LANES=${LANES} SEED=${SEED}`);
});
afterAll(() => {
  const lines = [...totals].sort(([a], [b]) => a.localeCompare(b)).map(([what, number]) => `  ${what}: ${number}`);
  console.log(`kills, seed ${SEED}\n${lines.join("\n")}`);
});

/** One server and one stack, and what the rounds do with them. */
class Lane {
  readonly #server: Server;
  /** One recorder serves all rounds, because the secrets provider in the state contains its URL. */
  readonly #recorder: Recorder;
  readonly #token: string;
  readonly #program: Chains;
  readonly #stack: string;
  /** The number of requests of the last undisturbed command, by command. */
  readonly #usual = new Map<string, number>();

  private constructor(server: Server, recorder: Recorder, token: string, name: string) {
    this.#server = server;
    this.#recorder = recorder;
    this.#token = token;
    this.#program = new Chains(name);
    this.#stack = `/api/stacks/acme/${name}/dev`;
  }

  static async start(number: number): Promise<Lane> {
    const server = await startBuiltServer(`lane-${number}`);
    const admin = server.credentials.organizations["acme"]!["admin"]!;
    const token = await newOrgToken("kills", { url: server.url, admin });
    const lane = new Lane(server, await Recorder.before(server.url), token.value, `kills-${number}`);
    await lane.#terminal().pulumi("stack", "init", "dev");
    return lane;
  }

  stop(): Promise<void> {
    this.#recorder.close();
    return this.#server.stop();
  }

  unanswered(): string {
    return this.#recorder.broken.join("\n");
  }

  async round(random: Random): Promise<void> {
    const command = random.pick(commands);
    const victim = random.pick(victims);
    const ending = random.pick(endings);
    const base = await this.#text("/export");
    const before = await this.#get<Stack>("");
    if (command === "up") this.#program.edit(random);

    const recorder = this.#recorder;
    await this.#disturb(command, victim, random);
    const update = recorder.lastUpdate();
    let stack = await this.#get<Stack>("");
    if (stack.currentOperation) {
      count(`ended by ${ending}`);
      await this.#end(ending, stack, update);
      stack = await this.#get<Stack>("");
    } else count(update?.said ? "ended by the client" : "never started");
    expect(stack.currentOperation).toBeUndefined();

    const found = JSON.parse(await this.#text("/export")) as Deployment;
    if (stack.version > before.version) {
      if (expectAcknowledged(base, recorder, found)) count("with a write whose answer was lost");
      count("with pending operations", found.deployment.pending_operations ? 1 : 0);
    } else expect(found).toEqual(JSON.parse(base));
    count("acknowledged state writes", recorder.stateWrites().filter(({ acknowledged }) => acknowledged).length);
    await this.#checkHistory(stack, before, recorder.lastUpdate()?.said);
    await this.#carryOn(found.deployment.pending_operations !== undefined, random);
  }

  /** Runs a command, and kills the CLI or the server in the middle of it. */
  async #disturb(command: string, victim: string, random: Random): Promise<void> {
    const usual = this.#usual.get(command) ?? 24;
    const moment = 1 + random.below(usual);
    const delay = random.below(25);
    let struck: Promise<void> | undefined;
    let strike = () => Promise.resolve();
    this.#recorder.reset((requests) => {
      if (requests === moment) struck = wait(delay).then(() => strike());
    });
    const running = this.#terminal().start(command, "--yes", "--skip-preview");
    strike = async () => {
      count(`kills of the ${victim === "both" ? "server and the CLI" : victim}`);
      await Promise.all([victim === "cli" ? undefined : this.#restart(), victim === "server" ? undefined : running.kill()]);
    };
    await running.ended;
    // The command made fewer requests than usual. Then the process is killed after the command, which must do no harm either.
    await (struck ?? strike());
    await this.#recorder.settled();
  }

  async #restart(): Promise<void> {
    await this.#server.kill();
    this.#recorder.disconnect();
    await this.#server.run();
    this.#recorder.disconnect();
  }

  /**
   * Ends an update whose client was killed. The server may end the update by itself at the same time; on a slow machine it does so first.
   */
  async #end(ending: string, stack: Stack, update: { path: string; lease: string } | undefined): Promise<void> {
    if (ending === "cancel") return this.#cancel();
    if (!update) return this.#endLostStart(stack);
    return giveBack(update, { url: this.#server.url, token: this.#token });
  }

  async #cancel(): Promise<void> {
    const { code, stdout, stderr } = await this.#terminal().run("cancel", "--yes");
    if (code !== 0) expect((await this.#get<Stack>("")).currentOperation, `${stdout}\n${stderr}`).toBeUndefined();
  }

  /**
   * The client did not receive the answer to its start. If the stack's object did not receive the start either, the next command finds the
   * stack free. Otherwise the update has a lease that no client knows, and a person has to cancel it or wait for its end.
   */
  async #endLostStart(before: Stack): Promise<void> {
    count("whose start was lost");
    const { code, stdout, stderr } = await this.#terminal().run("up", "--yes", "--skip-preview");
    if (code === 0) return;
    expect(stderr, stdout).toContain(BUSY);
    count("whose start was lost behind the stack's object");
    await this.#cancel();
    // If only the database had begun the update, it would leave no version.
    const after = await this.#get<Stack>("");
    expect(after.version).toBe(before.version + 1);
  }

  async #checkHistory(stack: Stack, before: Stack, said: string | undefined): Promise<void> {
    const { updates } = await this.#get<{ updates: { version: number; result: string }[] }>("/updates");
    expect(updates.map(({ version }) => version)).toEqual(Array.from({ length: stack.version }, (_, i) => stack.version - i));
    for (const { result } of updates) expect(["succeeded", "failed"]).toContain(result);
    if (stack.version > before.version && updates[0]!.result === "succeeded") expect(said).toBe("succeeded");
    for (const { version } of updates.slice(0, 3)) JSON.parse(await this.#text(`/export/${version}`));
  }

  /** Runs the CLI's own integrity check, and expects that in the end all resources of the program exist. */
  async #carryOn(pending: boolean, random: Random): Promise<void> {
    if (pending) await this.#quiet("refresh", "--clear-pending-creates");
    else if (random.below(4) === 0) await this.#quiet("refresh");
    await this.#quiet("up", ...(pending ? [] : ["--refresh"]));
    await this.#terminal().pulumi("up", "--yes", "--skip-preview", "--expect-no-changes");
  }

  async #quiet(command: string, ...more: string[]): Promise<void> {
    this.#recorder.reset();
    await this.#terminal().pulumi(command, "--yes", "--skip-preview", ...more);
    this.#usual.set(command, this.#recorder.requests);
  }

  #terminal(): Terminal {
    return new Terminal(
      { project: this.#program.folder, token: this.#token, url: this.#recorder.url, env: { PULUMI_STACK: "dev" } },
      `${this.#program.folder}-home`,
    );
  }

  async #text(path: string): Promise<string> {
    const response = await request("GET", `${this.#stack}${path}`, { token: this.#token, url: this.#server.url });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return text;
  }

  async #get<T>(path: string): Promise<T> {
    return JSON.parse(await this.#text(path)) as T;
  }
}

describe("kill -9 at any moment", () => {
  it(
    "loses nothing that was acknowledged, and leaves the stack free, its history true and its state sound",
    async () => {
      let next = 0;
      let started = 0;
      const failures: string[] = [];
      const run = async () => {
        let lane = await Lane.start(started++);
        for (let round = next++; round < KILLS; round = next++) {
          try {
            await lane.round(new Random(SEED, round));
          } catch (error) {
            failures.push(`SEED=${SEED}, round ${round}: ${String(error)}\n${lane.unanswered()}`);
            console.error(failures.at(-1));
            await lane.stop();
            lane = await Lane.start(started++);
          }
          if ((round + 1) % 10 === 0) console.log(`${new Date().toISOString().slice(11, 19)} round ${round + 1} of ${KILLS}`);
        }
        await lane.stop();
      };
      await Promise.all(Array.from({ length: LANES }, run));
      expect(failures.length, failures.join("\n")).toBe(0);
    },
    120_000 + KILLS * 60_000,
  );
});
