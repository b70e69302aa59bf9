/**
 * `npm run rotate-keys -- --url URL --org NAME`: re-encrypts the secrets of every stack's newest state, of connections for single sign-on and
 * of audit streams with the current master key, after a new one was set as the first of ENCRYPTION_KEYS. An administrator's token must be in PULUMI_ACCESS_TOKEN. It can be run again: finished
 * stacks are skipped. The exit code is 1 when something is left.
 */
import { readOptions } from "./options.ts";

const values = readOptions({ url: { type: "string" }, org: { type: "string" } });
const { url = "", org = "" } = values;
const token = process.env["PULUMI_ACCESS_TOKEN"] ?? "";
if (!url || !org || !token) {
  console.error("--url and --org are needed, and an administrator's token in PULUMI_ACCESS_TOKEN");
  process.exit(2);
}

interface Renewed {
  version: number;
  reencrypted: number;
  untouched: number;
  unreadable: number;
  keys: Record<string, number>;
}

async function ask(method: string, path: string): Promise<Response> {
  const headers = { Authorization: `token ${token}`, "Content-Type": "application/json" };
  try {
    return await fetch(`${url.replace(/\/$/, "")}${path}`, { method, headers });
  } catch (error) {
    return Response.json({ message: `no answer: ${String((error as Error).cause ?? error)}` }, { status: 503 });
  }
}

const keys = new Map<string, number>();
let reencrypted = 0;
let left = 0;
for (let continuationToken: string | null = ""; continuationToken !== null;) {
  const answer = await ask(
    "GET",
    `/api/user/stacks?organization=${encodeURIComponent(org)}&continuationToken=${encodeURIComponent(continuationToken)}`,
  );
  if (!answer.ok) {
    console.error(await messageOf(answer));
    process.exit(2);
  }
  const page = (await answer.json()) as { stacks: { projectName: string; stackName: string }[]; continuationToken?: string | null };
  for (const { projectName, stackName } of page.stacks) await renew(projectName, stackName);
  continuationToken = page.continuationToken ?? null;
}
const stored = await renewStored();
console.log(`\n${reencrypted} secrets re-encrypted`);
for (const [id, count] of keys) console.log(`${count} were found under key ${id}`);
if (left > 0) console.log(`${left} stacks are left: run this again`);
process.exit(left > 0 || !stored ? 1 : 0);

/** A proxy between us and the service may answer in another format. */
async function messageOf(answer: Response): Promise<string> {
  try {
    return ((await answer.json()) as { message: string }).message;
  } catch {
    return `${answer.status} ${answer.statusText}`.trim();
  }
}

/** The secrets of connections and audit streams. @returns whether all of them have the current key now */
async function renewStored(): Promise<boolean> {
  const answer = await ask("POST", `/api/orgs/${encodeURIComponent(org)}/reencrypt`);
  const name = "connections and audit streams".padEnd(40);
  if (!answer.ok) {
    console.log(`${name} ${await messageOf(answer)}`);
    return false;
  }
  const done = (await answer.json()) as Omit<Renewed, "version" | "keys">;
  console.log(`${name} ${done.reencrypted} re-encrypted, ${done.untouched} unchanged, ${done.unreadable} not readable`);
  if (done.unreadable > 0) console.log("Set the secrets that are not readable again.");
  return done.unreadable === 0;
}

async function renew(project: string, stack: string): Promise<void> {
  const answer = await ask("POST", `/api/stacks/${[org, project, stack].map(encodeURIComponent).join("/")}/reencrypt`);
  const name = `${project}/${stack}`.padEnd(40);
  if (!answer.ok) {
    left++;
    console.log(`${name} ${await messageOf(answer)}`);
    return;
  }
  const done = (await answer.json()) as Renewed;
  reencrypted += done.reencrypted;
  if (done.unreadable > 0) left++;
  for (const [id, count] of Object.entries(done.keys)) keys.set(id, (keys.get(id) ?? 0) + count);
  console.log(`${name} ${done.reencrypted} re-encrypted, ${done.untouched} unchanged, ${done.unreadable} not readable`);
}
