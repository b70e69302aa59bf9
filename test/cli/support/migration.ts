import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { dirname, join } from "node:path";
import { inject } from "vitest";
import { request } from "./api.ts";
import { startBuiltServer } from "./builtServer.ts";
import type { Server } from "./server.ts";

const script = join(import.meta.dirname, "../../../scripts/migrate.ts");

export interface Ended {
  code: number | null;
  output: string;
}

/** `npm run migrate`, with a home, a folder for temporary files and a progress file of its own. */
export class Migration {
  readonly folder = mkdtempSync(join(inject("directory"), "migration-"));
  readonly #env: Record<string, string>;

  constructor(env: Record<string, string>) {
    this.#env = env;
  }

  run(...args: string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  /** @param printed receives all text printed so far, each time more is printed */
  start(args: string[], printed: (output: string) => void = () => undefined): { child: ChildProcess; ended: Promise<Ended> } {
    const child = spawn(process.execPath, [script, `--progress=${join(this.folder, "progress.jsonl")}`, ...args], {
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: `${dirname(inject("cli"))}:${dirname(process.execPath)}:/usr/bin:/bin`,
        PULUMI_CLI: inject("cli"),
        HOME: this.folder,
        PULUMI_HOME: join(this.folder, "home"),
        TMPDIR: this.folder,
        ...this.#env,
      } as unknown as NodeJS.ProcessEnv,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (part: Buffer) => {
        output += part.toString();
        printed(output);
      });
    const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, output })));
    return { child, ended };
  }
}

/** A server, used by one of its administrators. */
export class Side {
  readonly url: string;
  readonly token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  #caller() {
    return { url: this.url, token: this.token };
  }

  /** The same server, used by another administrator. */
  with(token: string): Side {
    return new Side(this.url, token);
  }

  /** A stack of acme with a state as a client sent it, by the API. */
  async newStack(project: string, stack: string, state?: string, tags = {}): Promise<void> {
    await must(request("POST", `/api/stacks/acme/${project}`, { ...this.#caller(), json: { stackName: stack, tags } }));
    if (state !== undefined) await this.import(`acme/${project}/${stack}`, state);
  }

  import(path: string, state: string): Promise<string> {
    const headers = { Authorization: `token ${this.token}`, "Content-Type": "application/json" };
    return must(fetch(`${this.url}/api/stacks/${path}/import`, { method: "POST", headers, body: state }));
  }

  export(path: string): Promise<string> {
    return must(request("GET", `/api/stacks/${path}/export`, this.#caller()));
  }

  /** Encrypts values for a stack. @returns ciphertexts */
  async seal(path: string, values: string[]): Promise<string[]> {
    const json = { plaintexts: values.map((value) => Buffer.from(value).toString("base64")) };
    const text = await must(request("POST", `/api/stacks/${path}/batch-encrypt`, { ...this.#caller(), json }));
    return (JSON.parse(text) as { ciphertexts: string[] }).ciphertexts;
  }

  async open(path: string, ciphertexts: string[]): Promise<string[]> {
    const text = await must(request("POST", `/api/stacks/${path}/batch-decrypt`, { ...this.#caller(), json: { ciphertexts } }));
    const { plaintexts } = JSON.parse(text) as { plaintexts: Record<string, string> };
    return ciphertexts.map((ciphertext) => Buffer.from(plaintexts[ciphertext]!, "base64").toString());
  }

  /** The stacks of acme, as `project/stack`. */
  async stacks(): Promise<string[]> {
    const found: string[] = [];
    for (let cursor = ""; ;) {
      const path = `/api/user/stacks?organization=acme${cursor && `&continuationToken=${encodeURIComponent(cursor)}`}`;
      const page = JSON.parse(await must(request("GET", path, this.#caller()))) as {
        stacks: { projectName: string; stackName: string }[];
        continuationToken?: string;
      };
      found.push(...page.stacks.map(({ projectName, stackName }) => `${projectName}/${stackName}`));
      if (!page.continuationToken) return found;
      cursor = page.continuationToken;
    }
  }

  /** The secrets provider of a stack of acme, as a state names it. */
  serviceProvider(project: string, stack: string): string {
    return `{"type":"service","state":{"url":"${this.url}","owner":"acme","project":"${project}","stack":"${stack}"}}`;
  }
}

export interface Sides {
  source: Side;
  target: Side;
  /** Tokens of the administrators of globex at both servers. */
  globex: { source: string; target: string };
  stop: () => Promise<unknown>;
}

/** Two servers, each used by its administrator of acme. @param name begins the names of their folders */
export async function startSides(name: string, vars: Record<string, string> = {}): Promise<Sides> {
  const servers = await Promise.all(["source", "target"].map((side) => startBuiltServer(`${name}-${side}-server`, vars)));
  const tokenOf = ({ credentials }: Server, org: string) => credentials.organizations[org]!["admin"]!;
  const [source, target] = servers as [Server, Server];
  return {
    source: new Side(source.url, tokenOf(source, "acme")),
    target: new Side(target.url, tokenOf(target, "acme")),
    globex: { source: tokenOf(source, "globex"), target: tokenOf(target, "globex") },
    stop: () => Promise.all(servers.map((server) => server.stop())),
  };
}

/** The ciphertexts of a state, in its order. */
export const ciphertextsIn = (state: string): string[] => [...state.matchAll(/"ciphertext": ?"([^"]+)"/g)].map(([, text]) => text!);

async function must(answer: Promise<Response>): Promise<string> {
  const response = await answer;
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
}

/** The text without the parts that depend on the server: ciphertexts, and the secrets provider. */
export const withoutPlace = (state: string): string =>
  state
    .replaceAll(/"ciphertext": ?"[^"]*"/g, '"ciphertext":""')
    .replace(/"secrets_providers": ?\{\s*"type": ?"\w+",\s*"state": ?\{[^}]*\}\s*\}/, '"secrets_providers":{}');

interface Shape {
  project: string;
  stack: string;
  resources: number;
  /** A ciphertext for each secret resource, in the order of the list. */
  ciphertexts?: string[];
  provider?: string;
  pending?: boolean;
}

/** A state as no CLI would write it: unusual white space, order of keys, numbers and escapes must survive. */
export function oddState({ project, stack, resources, ciphertexts = [], provider, pending }: Shape): string {
  const urn = (type: string, name: string) => `urn:pulumi:${stack}::${project}::${type}::${name}`;
  const root = urn("pulumi:pulumi:Stack", `${project}-${stack}`);
  const list = Array.from({ length: resources }, (_, i) => {
    const secret =
      i < ciphertexts.length
        ? `, "zwei": {"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","ciphertext":"${ciphertexts[i]}"}`
        : "";
    return `{ "type":"test:index:Ding","urn":"${urn("test:index:Ding", `größe-日本-${i}`)}", "custom":false, "parent":"${root}",${i % 7 === 3 ? ' "protect":true,' : ""}
      "inputs":{"z":1,"a":9007199254740993,"e":1.50,"t":"\\u00fc <b> \\/ \\u2028"${secret}},"outputs":{"z":[],"a":null,"f":false}}`;
  });
  const operation = `{"resource":{"urn":"${urn("test:index:Ding", "pending")}","custom":false,"type":"test:index:Ding","inputs":{"n":9007199254740993}},"type":"creating"}`;
  return `{"version":3, "deployment":{ "manifest":{"time":"2024-02-29T12:00:00Z","magic":"","version":""},${provider ? `"secrets_providers":${provider},` : ""}
    "resources":[{"urn":"${root}","custom":false,"type":"pulumi:pulumi:Stack","outputs":{"count":${resources},"big":12345678901234567890}}${list.map((one) => `,${one}`).join("")}]${pending ? `,"pending_operations":[${operation}]` : ""}}}`;
}
