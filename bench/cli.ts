/** Measures the commands of the Pulumi CLI on a program of N resources. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { newFolder } from "./servers.ts";

/** Asynchronous, because this process runs proxies at the same time. */
const execute = promisify(execFile);

/**
 * The commands of a stack's life, in their order. The no-op runs twice: if a server delays work of an `up`, the next command is slower.
 * `change` changes every resource.
 */
export const phases = [
  "stack init",
  "preview",
  "stack ls",
  "up",
  "no-op",
  "no-op again",
  "one change",
  "change",
  "refresh",
  "export",
  "destroy",
  "stack rm",
] as const;
export type Phase = (typeof phases)[number];

/** The program that is deployed. */
export interface Workload {
  resources: number;
  /** Bytes of text in each resource. */
  bytes: number;
  /** In a chain each resource waits for the one before it. */
  shape: "parallel" | "chain";
}

export const wordsOf = ({ resources, bytes, shape }: Workload) =>
  `${resources} resources of ${bytes / 1024} KB${shape === "chain" ? ", each waiting for the one before" : ""}`;

/** Path of the installed CLI, or undefined. No package registry has it. */
export function findCli(): string | undefined {
  const places = [...(process.env["PATH"] ?? "").split(delimiter).map((dir) => join(dir, "pulumi")), join(homedir(), ".pulumi/bin/pulumi")];
  return process.env["PULUMI_CLI"] ?? places.find((place) => existsSync(place));
}

/** Base64 of hashes: the same on every machine, and hardly compressible. */
function text(seed: string, bytes: number): string {
  const parts: string[] = [];
  for (let i = 0, length = 0; length < bytes; i++) {
    const part = createHash("sha512").update(`${seed}/${i}`).digest("base64");
    parts.push(part);
    length += part.length;
  }
  return parts.join("").slice(0, bytes);
}

/** Writes the program. @param changed number of resources in their second edition */
function program(folder: string, { resources, bytes, shape }: Workload, changed: number): void {
  const lines = ["name: bench", "runtime: yaml", "resources:"];
  for (let i = 0; i < resources; i++) {
    const edition = i < changed ? "second" : "first";
    lines.push(`  r${i}:`, "    type: pulumi:index:Stash", "    properties:", `      input: "${text(`${edition}/${i}`, bytes)}"`);
    if (shape === "chain" && i > 0) lines.push("    options:", `      dependsOn: ["\${r${i - 1}}"]`);
  }
  writeFileSync(join(folder, "Pulumi.yaml"), `${lines.join("\n")}\n`);
}

/** A backend; without a URL it is the CLI's own file backend. */
export interface Backend {
  url?: string;
  token?: string;
}

/** One stack, from its creation to its removal. The CLI has its own home directory. */
export class Session {
  readonly #folder = newFolder();
  readonly #cli: string;
  readonly #backend: Backend;
  readonly #stack: string;
  readonly #workload: Workload;

  constructor(cli: string, backend: Backend, workload: Workload, stack: string) {
    this.#cli = cli;
    this.#backend = backend;
    this.#workload = workload;
    this.#stack = backend.url ? `acme/bench/${stack}` : `organization/bench/${stack}`;
    mkdirSync(join(this.#folder, "state"), { recursive: true });
    program(this.#folder, workload, 0);
  }

  async begin(): Promise<this> {
    await this.time("stack init");
    return this;
  }

  /** @returns wall time in milliseconds */
  async time(phase: Phase): Promise<number> {
    if (phase === "one change") program(this.#folder, this.#workload, 1);
    if (phase === "change") program(this.#folder, this.#workload, this.#workload.resources);
    const started = performance.now();
    switch (phase) {
      case "up":
      case "one change":
      case "change":
        await this.#run("up", "--yes", "--skip-preview");
        break;
      case "no-op":
      case "no-op again":
        await this.#run("up", "--yes", "--skip-preview", "--expect-no-changes");
        break;
      case "preview":
        await this.#run("preview");
        break;
      case "refresh":
        await this.#run("refresh", "--yes", "--skip-preview");
        break;
      case "export":
        await this.#run("stack", "export", "--file", join(this.#folder, "export.json"));
        break;
      case "stack init":
        await this.#run("stack", "init", this.#stack);
        break;
      case "stack ls":
        await this.#run("stack", "ls");
        break;
      case "stack rm":
        await this.#run("stack", "rm", "--yes");
        break;
      case "destroy":
        await this.#run("destroy", "--yes", "--skip-preview");
        break;
    }
    return performance.now() - started;
  }

  async end(): Promise<void> {
    await this.time("stack rm");
    this.close();
  }

  /** Deletes the folder of the program. */
  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #run(...args: string[]): Promise<void> {
    const stack = ["init", "ls"].includes(args[1] ?? "") ? [] : ["--stack", this.#stack];
    const { PATH } = process.env;
    await execute(this.#cli, [...args, ...stack, "--non-interactive"], {
      cwd: this.#folder,
      maxBuffer: 1 << 28,
      env: {
        PATH: `${join(this.#cli, "..")}${delimiter}${PATH}`,
        HOME: this.#folder,
        PULUMI_HOME: join(this.#folder, "home"),
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_CONFIG_PASSPHRASE: "bench",
        PULUMI_BACKEND_URL: this.#backend.url ?? `file://${join(this.#folder, "state")}`,
        ...(this.#backend.token && { PULUMI_ACCESS_TOKEN: this.#backend.token }),
      } as unknown as NodeJS.ProcessEnv,
    });
  }
}
