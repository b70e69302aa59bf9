import { mkdirSync, writeFileSync } from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { expect, inject, it } from "vitest";
import type { Session } from "../recordings/recording.ts";
import { newOrgToken } from "./support/api.ts";
import { hasStash, isAtLeast, nodeProject, yamlProject } from "./support/programs.ts";
import { Recorder } from "./support/recorder.ts";
import { Terminal } from "./support/terminal.ts";

const folder = fileURLToPath(new URL("../recordings/", import.meta.url));
/** Not a secret: it is in the recordings. */
const PASSWORD = "recorded";

const modes: { mode: string; env: Record<string, string> }[] = [{ mode: "default", env: {} }];
// Older releases do not journal by default, so there is nothing to switch off.
if (isAtLeast(225)) modes.push({ mode: "checkpoints", env: { PULUMI_DISABLE_JOURNALING: "true" } });

it.each(modes)("records a session: $mode", async ({ mode, env }) => {
  const recorder = await Recorder.before(inject("url"));
  const token = await newOrgToken(`recorded-${mode}`);
  const program = { things: [{ name: "first" }, { name: "second", dependsOn: ["first"], secret: "password" }] };
  const project = hasStash() ? yamlProject("recorded") : nodeProject("recorded", program);
  const terminal = new Terminal({ project, token: token.value, url: recorder.url, env });
  await terminal.pulumi("whoami", "-v");
  await terminal.pulumi("stack", "init", "dev");
  await terminal.pulumi("config", "set", "--secret", "password", PASSWORD);
  await terminal.pulumi("up", "--yes");
  await terminal.pulumi("up", "--yes", "--expect-no-changes");
  await terminal.pulumi("stack", "output", "--show-secrets");
  await terminal.pulumi("stack", "export");
  await terminal.pulumi("stack", "history");
  await terminal.pulumi("destroy", "--yes");
  await terminal.pulumi("stack", "rm", "--yes");

  const cli = inject("cliVersion");
  const session: Session = { cli, token: token.name, exchanges: await recorder.stop() };
  const { exchanges, ...head } = session;
  const text = `${JSON.stringify(head).slice(0, -1)},"exchanges":[\n${exchanges.map((exchange) => JSON.stringify(exchange)).join(",\n")}\n]}\n`;
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(session)));
  for (const unfit of [token.value, recorder.url, tmpdir(), homedir(), hostname(), "node_modules"]) {
    const at = text.indexOf(unfit);
    expect(at, `${unfit} in …${text.slice(at - 200, at + 200)}…`).toBe(-1);
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}${cli}-${mode}.json`, text);
});
