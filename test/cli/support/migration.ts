import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { dirname, join } from "node:path";
import { inject } from "vitest";
import { request } from "./api.ts";

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

  /** @param printed receives what has been printed so far, each time there is more */
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

/** A server, and its administrator of acme. */
export interface Side {
  url: string;
  token: string;
}

/** A stack with a state as a client sent it, by the API. */
export async function newStackAt({ url, token }: Side, project: string, stack: string, state?: string, tags = {}): Promise<void> {
  await must(request("POST", `/api/stacks/acme/${project}`, { url, token, json: { stackName: stack, tags } }));
  if (state !== undefined) await importAt({ url, token }, `acme/${project}/${stack}`, state);
}

export const importAt = ({ url, token }: Side, path: string, state: string): Promise<string> =>
  must(
    fetch(`${url}/api/stacks/${path}/import`, {
      method: "POST",
      headers: { Authorization: `token ${token}`, "Content-Type": "application/json" },
      body: state,
    }),
  );

export const exportAt = ({ url, token }: Side, path: string): Promise<string> =>
  must(request("GET", `/api/stacks/${path}/export`, { url, token }));

/** Encrypts values for a stack. @returns ciphertexts */
export async function sealAt({ url, token }: Side, path: string, values: string[]): Promise<string[]> {
  const json = { plaintexts: values.map((value) => Buffer.from(value).toString("base64")) };
  return (JSON.parse(await must(request("POST", `/api/stacks/${path}/batch-encrypt`, { url, token, json }))) as { ciphertexts: string[] })
    .ciphertexts;
}

export async function openAt({ url, token }: Side, path: string, ciphertexts: string[]): Promise<string[]> {
  const text = await must(request("POST", `/api/stacks/${path}/batch-decrypt`, { url, token, json: { ciphertexts } }));
  const { plaintexts } = JSON.parse(text) as { plaintexts: Record<string, string> };
  return ciphertexts.map((ciphertext) => Buffer.from(plaintexts[ciphertext]!, "base64").toString());
}

export async function stacksAt({ url, token }: Side): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = ""; ;) {
    const path = `/api/user/stacks?organization=acme${cursor && `&continuationToken=${encodeURIComponent(cursor)}`}`;
    const page = JSON.parse(await must(request("GET", path, { url, token }))) as {
      stacks: { projectName: string; stackName: string }[];
      continuationToken?: string;
    };
    found.push(...page.stacks.map(({ projectName, stackName }) => `${projectName}/${stackName}`));
    if (!page.continuationToken) return found;
    cursor = page.continuationToken;
  }
}

async function must(answer: Promise<Response>): Promise<string> {
  const response = await answer;
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
}

/** The text without what belongs to a place: ciphertexts, and the secrets provider. */
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

export const serviceProvider = ({ url }: Side, project: string, stack: string): string =>
  `{"type":"service","state":{"url":"${url}","owner":"acme","project":"${project}","stack":"${stack}"}}`;
