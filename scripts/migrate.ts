/**
 * `npm run migrate -- --from URL --to URL …`: brings stacks from one place to another (docs/migrate.md). A place is a server that speaks
 * Pulumi Cloud's API, or a folder or bucket of the CLI. Without `--yes` it only lists what would come. It deletes nothing at the source. The
 * exit code is 1 when a stack has not come.
 */
import { resolve } from "node:path";
import { Bucket } from "./migrate/bucket.ts";
import { projectsIn } from "./migrate/checkout.ts";
import { hide, printable, storedToken } from "./migrate/credentials.ts";
import { type Examined, type Options, type Verdict, examine, move, titleOf } from "./migrate/move.ts";
import { passphraseOf } from "./migrate/passphrase.ts";
import { Fault, type Place, type StackName } from "./migrate/place.ts";
import { Progress } from "./migrate/progress.ts";
import { Server } from "./migrate/server.ts";
import { fail } from "./fail.ts";
import { readOptions } from "./options.ts";

const MOST_LANES = 32;

const values = readOptions({
  from: { type: "string" },
  to: { type: "string" },
  /** The organization at the source, and at the target if that one has another name. */
  org: { type: "string" },
  "to-org": { type: "string" },
  /** Single stacks instead of all: `project/stack`, or `organization/project/stack`. */
  stack: { type: "string", multiple: true, default: [] },
  yes: { type: "boolean", default: false },
  overwrite: { type: "boolean", default: false },
  secrets: { type: "string", default: "keep" },
  "without-pending": { type: "boolean", default: false },
  checkout: { type: "string" },
  preview: { type: "boolean", default: false },
  parallel: { type: "string", default: "4" },
  progress: { type: "string", default: "migrate-progress.jsonl" },
});

const lanes = Number(values.parallel);
if (!values.from || !values.to) fail("--from and --to are needed: the address of a server, or file://…, s3://…, gs://…, azblob://…");
if (!["keep", "service"].includes(values.secrets)) fail("--secrets is keep or service");
if (!Number.isInteger(lanes) || lanes < 1 || lanes > MOST_LANES) fail(`--parallel is a number from 1 to ${MOST_LANES}`);
if (values.preview && !values.checkout) fail("--preview needs --checkout: the folder with the programs");
if (values.preview && !values.yes) fail("--preview needs --yes: a preview runs when the stack has come");

const [from, to] = [placeOf("from", values.from), placeOf("to", values.to)];
if (from.url === to.url && (values["to-org"] ?? values.org) === values.org) fail("--from and --to are the same place");
if (values.secrets === "service" && to.kind === "bucket") fail("--secrets service needs a server as the target");

let passphrase: string | undefined;
try {
  passphrase = hide(passphraseOf(process.env));
} catch (error) {
  fail((error as Error).message);
}
const options: Options = {
  from,
  to,
  passphrase,
  toService: values.secrets === "service",
  overwrites: values.overwrite,
  dropsPending: values["without-pending"],
  projects: values.checkout === undefined ? undefined : foundProjects(resolve(values.checkout)),
  previews: values.preview,
};
// The folders of the CLI are removed at the exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const way = { from: from.url, to: to.url };
const progress = new Progress(resolve(values.progress), way);
const names = await listed();
process.exit(names.length === 0 ? nothing() : await (values.yes ? bringAll(names) : listAll(names)));

function placeOf(side: "from" | "to", address: string): Place {
  const url = address.replace(/(?<![:/])\/+$/, "");
  // The CLI runs in other folders.
  const [, path] = /^file:\/\/([^/~?][^?]*)$/.exec(url) ?? [];
  if (path !== undefined) return new Bucket(`file://${resolve(path)}`);
  if (/^(?:file|s3|gs|azblob):\/\//.test(url)) return new Bucket(url);
  if (!/^https?:\/\/[^/?#@]+$/.test(url))
    fail(`--${side} is the address of a server, as in https://api.pulumi.com, or file://…, s3://…, gs://…, azblob://…`);
  const variable = side === "from" ? "MIGRATE_FROM_TOKEN" : "MIGRATE_TO_TOKEN";
  const token = hide(process.env[variable] ?? storedToken(url));
  return token ? new Server(url, token) : fail(`A token for ${url} is needed: set ${variable}, or run \`pulumi login ${url}\` first.`);
}

function foundProjects(folder: string) {
  try {
    return projectsIn(folder);
  } catch (error) {
    return fail(`--checkout cannot be read: ${(error as Error).message}`);
  }
}

/** The stacks with the names that they get. */
async function listed(): Promise<[StackName, StackName][]> {
  const org = from.kind === "bucket" ? "organization" : values.org;
  const targetOrg = to.kind === "bucket" ? "organization" : (values["to-org"] ?? (from.kind === "server" ? values.org : undefined));
  const all = values.stack.length > 0 ? values.stack.map((text) => parseName(text, org)) : await listOf(org);
  return all.map((name) => [
    name,
    { ...name, org: targetOrg ?? (from.kind === "server" ? name.org : fail("--to-org is needed: the organization at the target")) },
  ]);
}

function parseName(text: string, org: string | undefined): StackName {
  const parts = text.split("/");
  const [owner, project, stack] = parts.length === 3 ? parts : [org, ...parts];
  if (parts.length > 3 || !owner || !project || !stack)
    return fail(`--stack ${text}: write organization/project/stack, or project/stack with --org`);
  return { org: owner, project, stack };
}

async function listOf(org: string | undefined): Promise<StackName[]> {
  if (org === undefined) return fail("--org is needed: the organization at the source. Or name stacks with --stack");
  try {
    return await from.list(org);
  } catch (error) {
    return fail(`The stacks of ${from.url} cannot be listed: ${printable(sentenceOf(error))}`);
  }
}

function nothing(): number {
  console.log(`${from.url} has no stacks${values.org ? ` of ${values.org}` : ""} that this token may see.`);
  return 1;
}

/** Lists the stacks and what would be done with them, and changes nothing. */
async function listAll(all: [StackName, StackName][]): Promise<number> {
  console.log(`From ${from.url} to ${to.url}. This is a dry run, which changes nothing.\n`);
  const found = await inLanes(all, async ([name, target]) => {
    const examined = await examineOne(name, target);
    line(examined, textOf(examined));
    for (const note of examined.notes) console.log(`      ${printable(note)}`);
    return examined.verdict;
  });
  const count = (verdict: Verdict) => found.filter((one) => one === verdict).length;
  const refused = count("refused");
  console.log(`\n${count("comes")} stacks would come, ${count("is there")} are there already, ${refused} cannot come.`);
  console.log(
    "The history of updates stays at the source, because no call of the API can write one. docs/migrate.md lists what else stays.",
  );
  if (!options.projects)
    console.log("Secrets in Pulumi.STACK.yaml stay encrypted for the source. --checkout DIR encrypts them for the target.");
  console.log("With --yes the stacks come. Nobody should update them meanwhile.");
  return refused === 0 ? 0 : 1;
}

async function bringAll(all: [StackName, StackName][]): Promise<number> {
  console.log(`From ${from.url} to ${to.url}: ${all.length} stacks.`);
  progress.begin(way);
  const started = performance.now();
  let done = 0;
  const failures: string[] = [];
  const outcomes = await inLanes(all, async ([name, target]) => {
    const examined = await examineOne(name, target);
    let text = textOf(examined);
    let isThere = false;
    if (examined.verdict !== "refused") {
      try {
        text = await move(examined, options, progress);
        isThere = true;
      } catch (error) {
        text = `has not come: ${sentenceOf(error)}`;
      }
    }
    if (!isThere) failures.push(`${titleOf(examined)} ${text}`);
    line(examined, text, `[${++done}/${all.length}] `);
    if (isThere) for (const note of examined.notes) console.log(`      ${printable(note)}`);
    return { isThere, came: isThere && examined.verdict === "comes" };
  });
  const there = outcomes.filter(({ isThere }) => isThere).length;
  const came = outcomes.filter((one) => one.came).length;
  console.log(
    `\n${there} of ${all.length} stacks are at ${to.url}: ${came} came now, in ${Math.round((performance.now() - started) / 1000)} s.`,
  );
  if (there > 0) console.log("Each was compared with the source when it had come: resources, outputs and secrets are the same.");
  if (progress.fault !== undefined)
    console.log(`The progress could not be written (${progress.fault}). Nothing is lost: the next run compares these stacks again.`);
  if (failures.length === 0) return 0;
  console.log(`\n${failures.length} have not come:`);
  for (const text of failures) console.log(`  ${printable(text)}`);
  console.log("The same command continues.");
  return 1;
}

/** A failure of one stack is its verdict. */
async function examineOne(name: StackName, target: StackName): Promise<Examined> {
  try {
    return await examine(name, target, options, progress);
  } catch (error) {
    return { name, target, verdict: "refused", reason: sentenceOf(error), notes: [], resources: 0, secrets: 0 };
  }
}

function textOf({ verdict, reason, resources, secrets }: Examined): string {
  switch (verdict) {
    case "comes":
      return `comes: ${resources} resources, ${secrets} secrets`;
    case "is there":
      return "is there already, and is equal";
    case "refused":
      return `cannot come: ${reason}`;
  }
}

function line(examined: Examined, text: string, before = "  "): void {
  console.log(printable(`${before}${titleOf(examined)} ${text}`));
}

function sentenceOf(error: unknown): string {
  if (error instanceof Fault) return error.message;
  if (error instanceof Error && error.name === "StateError") return `its state cannot be read: ${error.message}`;
  return `unexpected: ${error instanceof Error ? error.message : String(error)}`;
}

/** Works on several stacks at a time. @returns the results in the order of the list */
async function inLanes<T, R>(all: T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < all.length; i = next++) results[i] = await work(all[i]!);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, all.length) }, lane));
  return results;
}
