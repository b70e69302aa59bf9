import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, runScript } from "./support/checkout.ts";

const folder = mkdtempSync(join(tmpdir(), "stackpass-audit-"));
const pepper = `TOKEN_PEPPER=${"abcdefgh".repeat(5)}\n`;

describe("npm run audit:secrets", () => {
  beforeAll(() => {
    for (const name of ["scripts", "src", "docs/tokens.md", ".gitignore", "package.json"])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.com", ...args], { cwd: folder });
    git("init", "--quiet");
    writeFileSync(join(folder, ".git/info/exclude"), "node_modules\n");
    writeFileSync(join(folder, "gone.txt"), "tracked, and deleted since\n");
    git("add", "-A");
    git("commit", "--quiet", "-m", "all");
    rmSync(join(folder, "gone.txt"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("finds nothing in the sources", async () => {
    expect(await runScript(folder, "audit-secrets", [])).toMatchObject({ code: 0, stdout: "no secret was found\n" });
  });

  it("finds a secret in a file that was never added, and does not print it", async () => {
    writeFileSync(join(folder, "notes.txt"), `\n${pepper}`);
    const { code, stdout, stderr } = await runScript(folder, "audit-secrets", []);
    expect(code).toBe(1);
    expect(stderr).toBe("notes.txt:2: a secret of the Worker\n");
    expect(stdout + stderr).not.toContain("abcdefgh");
    rmSync(join(folder, "notes.txt"));
  });
});
