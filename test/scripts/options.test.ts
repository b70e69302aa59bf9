import { describe, expect, it } from "vitest";
import { withValues } from "../../scripts/options.ts";
import { root, runScript } from "./support/checkout.ts";

const options = { key: { type: "string", multiple: true }, to: { type: "string" }, local: { type: "boolean" } } as const;

describe("the options of a script", () => {
  it("take a value that begins with a dash, as one public key in 64 does", () => {
    expect(withValues(["log.jsonl", "--key", "-abc", "--key", "--abc", "--local"], options)).toEqual([
      "log.jsonl",
      "--key=-abc",
      "--key=--abc",
      "--local",
    ]);
  });

  it("do not read another option, or anything after `--`, as a value", () => {
    for (const args of [["--to", "--local"], ["--to", "--key=x"], ["--local", "-x"], ["--to", "-"], ["--", "--to", "-x"], ["--to"]]) {
      expect(withValues(args, options)).toEqual(args);
    }
  });

  it("answer an unknown option with a sentence, in each script", async () => {
    const all = ["audit-replay", "audit-verify", "backup", "edition", "journal", "restore", "rotate-keys", "secrets"];
    for (const script of all) {
      const { code, stdout, stderr } = await runScript(root, script, ["--wrong"]);
      expect(code, script).toBe(2);
      expect(stdout + stderr).toContain("The options are --");
      expect(stdout + stderr).not.toContain("at parseArgs");
    }
  });
});
