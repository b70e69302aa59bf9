import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { hasStash } from "./support/programs.ts";
import { Server } from "./support/server.ts";

const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
const tour = readme.slice(readme.indexOf("\n## Five minutes"), readme.indexOf("\n## Deploy it"));
/** The commands that a reader pastes, one block after the other. */
const blocks = [...tour.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, commands]) => commands!);

describe.skipIf(!hasStash())("the README's tour, as it is pasted", () => {
  it("works twice in one shell, the Node half too, and leaves nothing in it", async () => {
    const server = await Server.start({ directory: join(inject("directory"), "readme-server") });
    try {
      const { stdout, stderr } = await paste(server, [...blocks, ...blocks]);
      const failed = stderr.split("\n").filter((line) => line.startsWith("FAILED "));
      // This is the write of the deleted token.
      expect(failed, stdout + stderr).toEqual(Array<string>(2).fill("FAILED pulumi stack init acme/web/dev"));
      const count = (pattern: RegExp) => stdout.match(pattern)?.length ?? 0;
      expect(count(/^Token type: organization: acme$/gm), stdout).toBe(2);
      expect(count(/^Token name: jenkins-\d+$/gm)).toBe(2);
      expect(count(new RegExp(`^Backend URL: ${server.url}/acme$`, "gm"))).toBe(2);
      expect(count(new RegExp(`View Live: ${server.url}/acme/web/dev/updates/1$`, "gm"))).toBe(2);
      expect(count(/^ +password +hunter2$/gm)).toBe(2);
      expect(count(/\+ 3 created/g)).toBe(4);
      expect(count(/^stack-update-completed {2}jenkins-\d+ {2}/gm)).toBeGreaterThanOrEqual(8);
      expect(stderr.match(/organization token jenkins-\d+ of acme was deleted on/g)).toHaveLength(2);
      expect(stdout).toMatch(/^LEFT \[\] in .*readme-\w+$/m);
    } finally {
      await server.stop();
    }
  });
});

/** Runs the commands in a folder like the reader's, with its own home. A failed command does not end the run, as in a terminal. */
function paste(server: Server, commands: string[]): Promise<{ stdout: string; stderr: string }> {
  const folder = mkdtempSync(join(inject("directory"), "readme-"));
  mkdirSync(join(folder, ".wrangler/state"), { recursive: true });
  cpSync(join(server.persistTo, "stackpass-dev.json"), join(folder, ".wrangler/state/stackpass-dev.json"));
  const script = [
    `trap 'echo "FAILED $BASH_COMMAND" >&2' ERR`,
    // The name of the token contains the second, so each block takes at least one.
    ...commands.flatMap((block) => [block.replaceAll("localhost:8787", new URL(server.url).host), "sleep 1"]),
    'echo "LEFT [$PULUMI_BACKEND_URL$PULUMI_CONSOLE_DOMAIN$PULUMI_ACCESS_TOKEN$ADMIN$TOKEN] in $PWD"',
  ].join("\n");
  return new Promise((resolve) => {
    execFile(
      "bash",
      ["-c", script],
      {
        cwd: folder,
        maxBuffer: 1 << 24,
        env: {
          // The registry and the proxy of packages are those of this machine.
          ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PULUMI_"))),
          PATH: [dirname(inject("cli")), dirname(process.execPath), process.env["PATH"]].join(":"),
          HOME: folder,
          PULUMI_HOME: join(folder, ".pulumi"),
          PULUMI_SKIP_UPDATE_CHECK: "true",
          TMPDIR: inject("directory"),
          npm_config_userconfig: process.env["npm_config_userconfig"] ?? join(homedir(), ".npmrc"),
          npm_config_cache: join(homedir(), ".npm"),
          npm_config_prefer_offline: "true",
        },
      },
      (_, stdout, stderr) => resolve({ stdout, stderr }),
    );
  });
}
