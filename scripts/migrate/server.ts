/** The API of Pulumi Cloud, as the CLI uses it: the states that it exports and imports are handled as bytes. */
import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { type Crypter, Fault, type Look, type Place, type StackName } from "./place.ts";

/** Values in one request of encryption, and their size together in characters. */
const MOST_VALUES = 500;
const MOST_CHARACTERS = 1024 * 1024;
const TRIES = 6;
/** The longest wait that a server may ask for, in seconds. */
const LONGEST_WAIT = 120;
/** An import that takes longer than this many seconds is reported as a failure. */
const LONGEST_IMPORT = 600;

interface Call {
  json?: unknown;
  state?: Uint8Array;
  /** Whether the call may be repeated when nobody knows if it arrived. */
  repeats?: boolean;
}

class Refused extends Fault {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Server implements Place {
  readonly kind = "server";
  readonly url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  async list(org: string): Promise<StackName[]> {
    const found: StackName[] = [];
    let token: string | null | undefined;
    do {
      const query = new URLSearchParams({ organization: org, ...(token && { continuationToken: token }) });
      const page = await this.#json<{ stacks: Record<string, string>[]; continuationToken?: string | null }>(
        "GET",
        `/api/user/stacks?${query.toString()}`,
      );
      if (!Array.isArray(page.stacks)) throw new Fault(`${this.url} answered without a list of stacks. Is it the address of the API?`);
      for (const { orgName, projectName, stackName } of page.stacks)
        if (orgName?.toLowerCase() === org.toLowerCase()) found.push({ org: orgName, project: projectName!, stack: stackName! });
      if (token && page.continuationToken === token) throw new Fault(`${this.url} answered with the same page of stacks twice`);
      token = page.continuationToken;
    } while (token);
    return found;
  }

  async look(name: StackName): Promise<Look | undefined> {
    interface Stack {
      tags?: Record<string, string>;
      version?: number;
      currentOperation?: object;
      config?: { environment?: string };
    }
    try {
      const stack = await this.#json<Stack>("GET", pathOf(name));
      return {
        tags: stack.tags ?? {},
        version: stack.version ?? 0,
        isRunning: Boolean(stack.currentOperation),
        ...(stack.config?.environment && { environment: stack.config.environment }),
      };
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return undefined;
      throw error;
    }
  }

  revision(name: StackName): Promise<Look | undefined> {
    return this.look(name);
  }

  async export(name: StackName): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#call("GET", `${pathOf(name)}/export`)).arrayBuffer());
  }

  async create({ org, project, stack }: StackName, tags: Record<string, string>): Promise<boolean> {
    await this.#json("POST", `/api/stacks/${encodeURIComponent(org)}/${encodeURIComponent(project)}`, { json: { stackName: stack, tags } });
    return true;
  }

  async import(name: StackName, state: Uint8Array): Promise<void> {
    const { updateId } = await this.#json<{ updateId: string }>("POST", `${pathOf(name)}/import`, { state });
    for (let waited = 0; waited < LONGEST_IMPORT;) {
      const { status } = await this.#json<{ status: string }>("GET", `${pathOf(name)}/update/${encodeURIComponent(updateId)}`);
      if (status === "succeeded") return;
      if (status === "failed") throw new Fault("the server could not import the state");
      const pause = Math.min(2, 0.1 + waited / 4);
      await wait(pause * 1000);
      waited += pause;
    }
    throw new Fault("the server has not finished the import");
  }

  async addTags(name: StackName, tags: Record<string, string>, before: Record<string, string>): Promise<boolean> {
    await this.#json("PATCH", `${pathOf(name)}/tags`, { json: { ...before, ...tags } });
    return true;
  }

  service(name: StackName): { crypter: Crypter; state: string } {
    const { org: owner, project, stack } = name;
    return {
      crypter: { open: (values) => this.#open(name, values), seal: (values) => this.#seal(name, values) },
      state: JSON.stringify({ url: this.url, owner, project, stack }),
    };
  }

  cliEnv(): Record<string, string> {
    return { PULUMI_BACKEND_URL: this.url, PULUMI_ACCESS_TOKEN: this.#token };
  }

  async #open(name: StackName, ciphertexts: string[]): Promise<string[]> {
    const known = new Map<string, string>();
    for (const part of portions([...new Set(ciphertexts)])) {
      const { plaintexts } = await this.#json<{ plaintexts: Record<string, string> }>("POST", `${pathOf(name)}/batch-decrypt`, {
        json: { ciphertexts: part },
        repeats: true,
      });
      for (const value of part) if (Object.hasOwn(plaintexts, value)) known.set(value, plaintexts[value]!);
    }
    return ciphertexts.map((value) => known.get(value) ?? missing("decrypt"));
  }

  async #seal(name: StackName, plaintexts: string[]): Promise<string[]> {
    const sealed: string[] = [];
    for (const part of portions(plaintexts)) sealed.push(...(await this.#sealPart(name, part)));
    return sealed;
  }

  async #sealPart(name: StackName, plaintexts: string[]): Promise<string[]> {
    try {
      const { ciphertexts } = await this.#json<{ ciphertexts: string[] }>("POST", `${pathOf(name)}/batch-encrypt`, {
        json: { plaintexts },
        repeats: true,
      });
      return ciphertexts.length === plaintexts.length ? ciphertexts : missing("encrypt");
    } catch (error) {
      if (!(error instanceof Refused) || (error.status !== 404 && error.status !== 405)) throw error;
    }
    // A server without the call for several values.
    const sealed: string[] = [];
    for (const plaintext of plaintexts) {
      const { ciphertext } = await this.#json<{ ciphertext: string }>("POST", `${pathOf(name)}/encrypt`, {
        json: { plaintext },
        repeats: true,
      });
      sealed.push(ciphertext);
    }
    return sealed;
  }

  async #json<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const text = await (await this.#call(method, path, call)).text();
    try {
      return (text === "" ? {} : JSON.parse(text)) as T;
    } catch {
      // The parser's message would quote the answer, which may contain secrets.
      throw new Fault(`${this.url} answered with text that is not JSON`);
    }
  }

  /** Repeats a call that the server has not accepted, and one that may be repeated after any failure of the network. */
  async #call(method: string, path: string, call: Call = {}): Promise<Response> {
    const isSafe = method === "GET" || call.repeats === true;
    for (let tries = 1; ; tries++) {
      const response = await this.#send(method, path, call).catch((error: unknown) => {
        if (!isSafe || tries === TRIES) throw new Fault(`${this.url} cannot be reached: ${reasonOf(error)}`);
        return undefined;
      });
      if (response?.ok) return response;
      const status = response?.status ?? 0;
      const again = status === 0 || status === 429 || (isSafe && status >= 500);
      if (!again || tries === TRIES) throw await refusal(response!);
      const asked = Number(response?.headers.get("Retry-After"));
      await response?.body?.cancel();
      await wait(1000 * (asked > 0 ? Math.min(asked, LONGEST_WAIT) : 2 ** (tries - 1)));
    }
  }

  #send(method: string, path: string, { json, state }: Call): Promise<Response> {
    const headers: Record<string, string> = {
      Authorization: `token ${this.#token}`,
      Accept: "application/vnd.pulumi+8",
      ...((json !== undefined || state) && { "Content-Type": "application/json" }),
      ...(state && { "Content-Encoding": "gzip" }),
    };
    const body = state ? gzipSync(state, { level: 1 }) : json === undefined ? null : JSON.stringify(json);
    // The token is for this server only.
    return fetch(`${this.url}${path}`, { method, headers, body, redirect: "error" });
  }
}

const pathOf = ({ org, project, stack }: StackName) => `/api/stacks/${[org, project, stack].map(encodeURIComponent).join("/")}`;

function missing(what: string): never {
  throw new Fault(`the server did not ${what} all secrets`);
}

async function refusal(response: Response): Promise<Fault> {
  const text = await response.text().catch(() => "");
  let message = "";
  try {
    const found = (JSON.parse(text) as { message?: unknown }).message;
    if (typeof found === "string") message = found;
  } catch {
    // A page of a proxy.
  }
  return new Refused(response.status, `the server answered ${response.status}${message ? `: ${message.slice(0, 300)}` : ""}`);
}

const reasonOf = (error: unknown) =>
  error instanceof Error ? ((error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.message) : String(error);

/** Groups of values that one request can carry. */
function* portions(values: string[]): Generator<string[]> {
  let part: string[] = [];
  let characters = 0;
  for (const value of values) {
    if (part.length > 0 && (part.length >= MOST_VALUES || characters + value.length > MOST_CHARACTERS)) {
      yield part;
      part = [];
      characters = 0;
    }
    part.push(value);
    characters += value.length;
  }
  if (part.length > 0) yield part;
}
