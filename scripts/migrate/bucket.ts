/** Stacks in a folder or a bucket (`file://`, `s3://`, `gs://`, `azblob://`), which the installed CLI reads and writes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorIn, mustRunCli, runCli } from "./cli.ts";
import { Fault, type Look, type Place, type StackName, type Revision, isBuiltIn, nameText } from "./place.ts";

export class Bucket implements Place {
  readonly kind = "bucket";
  readonly url: string;
  /** Folders for the CLI's projects. Nothing secret is written there. */
  readonly #folder: string;
  #names: Promise<string[]> | undefined;
  #lacksTags = false;
  /** Stacks that this run has created, which the list does not contain yet. */
  readonly #created = new Set<string>();
  /** States that are read while the tags are: each start of the CLI takes a second, and a stack that is looked at is exported next. */
  readonly #exports = new Map<string, Promise<Uint8Array>>();

  constructor(url: string) {
    this.url = url;
    this.#folder = mkdtempSync(join(tmpdir(), "stackpass-migrate-"));
    process.once("exit", () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  async list(): Promise<StackName[]> {
    return (await this.#list()).map((text) => {
      const [org, project, stack] = text.split("/");
      // Old folders have stacks without a project.
      return stack ? { org: org!, project: project!, stack } : { org: "organization", project: "", stack: text };
    });
  }

  async look(name: StackName): Promise<Look | undefined> {
    if (!this.#created.has(nameText(name)) && !(await this.#list()).includes(nameText(name))) return undefined;
    const exported = this.#export(name);
    // A failure of the export is reported when its result is used.
    exported.catch(() => undefined);
    this.#exports.set(nameText(name), exported);
    const { code, stdout } = await runCli(["stack", "tag", "ls", "--json", "--stack", nameText(name)], this.#call());
    // Older releases of the CLI have no tags in a bucket.
    return { tags: code === 0 ? tagsIn(Buffer.from(stdout).toString()) : {}, isRunning: false };
  }

  async revision(): Promise<Revision> {
    return { isRunning: false };
  }

  export(name: StackName): Promise<Uint8Array> {
    const exported = this.#exports.get(nameText(name)) ?? this.#export(name);
    this.#exports.delete(nameText(name));
    return exported;
  }

  #export(name: StackName): Promise<Uint8Array> {
    return mustRunCli(["stack", "export", "--stack", nameText(name)], this.#call());
  }

  async create(name: StackName, tags: Record<string, string>, settings: string): Promise<boolean> {
    // The CLI takes the stack's project and its secrets provider from files.
    const folder = join(this.#folder, name.project, name.stack);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "Pulumi.yaml"), JSON.stringify({ name: name.project, runtime: "yaml" }));
    writeFileSync(join(folder, `Pulumi.${name.stack}.yaml`), settings);
    await mustRunCli(["stack", "init", nameText(name), "--no-select"], { ...this.#call(), cwd: folder });
    this.#created.add(nameText(name));
    return this.addTags(name, tags);
  }

  async import(name: StackName, state: Uint8Array): Promise<void> {
    this.#exports.delete(nameText(name));
    await mustRunCli(["stack", "import", "--stack", nameText(name)], { ...this.#call(), input: state });
  }

  async addTags(name: StackName, tags: Record<string, string>): Promise<boolean> {
    for (const [tag, value] of Object.entries(tags).filter(([text]) => !isBuiltIn(text))) {
      if (this.#lacksTags) return false;
      const { code, stderr } = await runCli(["stack", "tag", "set", "--stack", nameText(name), "--", tag, value], this.#call());
      // Older releases of the CLI have no tags in a bucket.
      if (code !== 0 && /does not support stack tags/i.test(stderr)) this.#lacksTags = true;
      else if (code !== 0) throw new Fault(`pulumi stack tag set failed: ${errorIn(stderr)}`);
    }
    return !this.#lacksTags;
  }

  cliEnv(): Record<string, string> {
    return { PULUMI_BACKEND_URL: this.url };
  }

  #call() {
    return { cwd: this.#folder, env: this.cliEnv() };
  }

  /** One look at the bucket for all stacks. */
  #list(): Promise<string[]> {
    this.#names ??= mustRunCli(["stack", "ls", "--all", "--json"], this.#call()).then((text) =>
      (JSON.parse(Buffer.from(text).toString()) as { name: string }[]).map(({ name }) => name),
    );
    return this.#names;
  }
}

function tagsIn(text: string): Record<string, string> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, string>;
  } catch {
    return {};
  }
}
