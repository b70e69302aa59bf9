import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { root, runScript } from "./support/checkout.ts";

const folder = mkdtempSync(join(tmpdir(), "stackpass-secrets-"));
afterAll(() => rmSync(folder, { recursive: true }));

const generate = (...args: string[]) => runScript(root, "secrets", args);

describe("npm run secrets", () => {
  it("writes two secrets that the Worker takes into a file for its owner alone, and prints neither", async () => {
    const file = join(folder, "stackpass.secrets");
    const { code, stdout, stderr } = await generate("--to", file);
    expect(code, stderr).toBe(0);
    const text = readFileSync(file, "utf8");
    const [, pepper, key] = /^TOKEN_PEPPER=([\w-]{43})\nENCRYPTION_KEYS=1:([\w-]{43})\n$/.exec(text)!;
    expect(stdout).toContain(file);
    for (const secret of [pepper!, key!]) expect(stdout + stderr).not.toContain(secret);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("leaves a file that exists as it is", async () => {
    const file = join(folder, "older.secrets");
    writeFileSync(file, "precious\n");
    expect(await generate("--to", file)).toMatchObject({ code: 2, stderr: expect.stringContaining("was not changed") as string });
    expect(readFileSync(file, "utf8")).toBe("precious\n");
  });

  it("refuses a path inside of the checkout, by a link too", async () => {
    const link = join(folder, "link");
    symlinkSync(root, link);
    for (const to of [join(root, "stackpass.secrets"), join(root, "docs/x"), join(link, "x.secrets"), "x.secrets"]) {
      const { code, stderr } = await generate("--to", to);
      expect(code, to).toBe(2);
      expect(stderr, to).toContain("inside of this checkout");
    }
  });

  it("says what is wrong with a path", async () => {
    expect(await generate()).toMatchObject({ code: 2, stderr: expect.stringContaining("--to is needed") as string });
    expect(await generate("--to", join(folder, "none/x"))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("does not exist") as string,
    });
    expect(await generate("--out", "x")).toMatchObject({ code: 2, stderr: expect.stringContaining("The options are --to") as string });
  });
});

describe("git", () => {
  const isIgnored = (path: string) => {
    try {
      execFileSync("git", ["check-ignore", "--no-index", "--quiet", path], { cwd: root });
      return true;
    } catch {
      return false;
    }
  };

  it("ignores files that are named like secrets, and no source", () => {
    for (const path of ["secrets.production", "secrets.txt", "stackpass.secrets", "my.production", "deploy/secrets.env"])
      expect(isIgnored(path), path).toBe(true);
    for (const path of ["src/secrets/encrypt.ts", "scripts/secrets.ts", "test/cli/secrets.test.ts"])
      expect(isIgnored(path), path).toBe(false);
  });
});
