import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Bucket } from "../../scripts/migrate/bucket.ts";
import { projectsIn, readSettings, rewriteSettings } from "../../scripts/migrate/checkout.ts";
import { compare } from "../../scripts/migrate/compare.ts";
import { newSetting, passphraseCrypter } from "../../scripts/migrate/passphrase.ts";
import type { Crypter } from "../../scripts/migrate/place.ts";
import { Progress } from "../../scripts/migrate/progress.ts";
import { isRounded, readState, referencesOf, roundedNumbers } from "../../scripts/migrate/state.ts";
import { runScript } from "../cli/support/script.ts";

const folder = mkdtempSync(join(tmpdir(), "migrate-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Encrypts a text by putting a letter in front of it. */
const lettered = (letter: string): Crypter => ({
  seal: async (texts) => texts.map((text) => `${letter}${text}`),
  open: async (texts) =>
    texts.map((text) => {
      if (!text.startsWith(letter)) throw new Error("another key");
      return text.slice(1);
    }),
});

describe("the file of a stack", () => {
  const file = join(folder, "Pulumi.dev.yaml");
  const rewrite = (salt?: string) => rewriteSettings(file, lettered("A"), lettered("B"), salt);

  it.each([
    [
      "a block",
      "config:\n  # one\n  web:a:\n    secure: Aone  # note\n  web:secure: plain\n",
      "config:\n  # one\n  web:a:\n    secure: Bone  # note\n  web:secure: plain\n",
    ],
    [
      "a list",
      "config:\n  web:l:\n    - secure: Aone\n    - {secure: Atwo}\n",
      "config:\n  web:l:\n    - secure: Bone\n    - {secure: Btwo}\n",
    ],
    ["quotes", `config: { web:a: {"secure": "Aone"}, web:b: 'x' }\n`, `config: { web:a: {"secure": "Bone"}, web:b: 'x' }\n`],
    ["lines of Windows", "config:\r\n  web:a:\r\n    secure: Aone\r\n", "config:\r\n  web:a:\r\n    secure: Bone\r\n"],
    ["a passphrase", "---\nencryptionsalt: v1:abc:v1:def\nconfig:\n  a:\n    secure: Aone\n", "---\nconfig:\n  a:\n    secure: Bone\n"],
  ])("keeps all other text: %s", async (_, before, after) => {
    writeFileSync(file, before);
    expect(await rewrite()).toBeGreaterThan(0);
    expect(readFileSync(file, "utf8")).toBe(after);
    expect(await rewrite(), "the second time there is nothing to do").toBeUndefined();
    expect(readFileSync(file, "utf8")).toBe(after);
  });

  it("names a passphrase's salt, also when there was no file", async () => {
    writeFileSync(file, "secretsprovider: default\nconfig:\n  a:\n    secure: Aone\n");
    expect(await rewrite("v1:salt:v1:check")).toBe(1);
    expect(readFileSync(file, "utf8")).toBe("encryptionsalt: v1:salt:v1:check\nconfig:\n  a:\n    secure: Bone\n");
    expect(readSettings(file)).toMatchObject({ provider: "passphrase", encryptionSalt: "v1:salt:v1:check" });
    rmSync(file);
    expect(await rewrite("v1:salt:v1:check")).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("encryptionsalt: v1:salt:v1:check\n");
    rmSync(file);
  });

  it("is left as it was when a secret cannot be decrypted, or cannot be found as text", async () => {
    for (const text of ["config:\n  a:\n    secure: Cone\n", "config:\n  a:\n    secure: >\n      Aone\n"]) {
      writeFileSync(file, text);
      await expect(rewrite()).rejects.toThrow();
      expect(readFileSync(file, "utf8")).toBe(text);
    }
  });

  it("belongs to a project below the checkout", () => {
    writeFileSync(
      join(folder, "Pulumi.yaml"),
      "name: 'web' # the site\nruntime: nodejs\nstackConfigDir: stacks\nbackend:\n  url: s3://b\n",
    );
    expect(projectsIn(folder)).toEqual([{ name: "web", folder, settings: join(folder, "stacks"), hasBackend: true }]);
  });
});

describe("states", () => {
  const stateOf = (resource: string, more = "") =>
    readState(new TextEncoder().encode(`{"version":3,"deployment":{"manifest":{},"resources":[${resource}]${more}}}`));
  const secret = (ciphertext: string) =>
    `{"4dabf18193072939515e22adb298388d":"1b47061264138c4ac30d75fd1eb44270","ciphertext":"${ciphertext}"}`;
  const json = (text: string) => Buffer.from(text).toString("base64");
  const side = (letter: string, resource: string) => ({ state: stateOf(resource), crypter: lettered(letter) });

  it("finds numbers that a double cannot keep", () => {
    expect(["9007199254740993", "-9007199254740993", "0.12345678901234567890"].map(isRounded)).toEqual([true, true, true]);
    expect(["9007199254740992", "1e400", "0.1", "100000000000000000000", "1.50000000000000000000"].map(isRounded)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(roundedNumbers(stateOf('{"a":"9007199254740993","b":[9007199254740993,1]}'))).toEqual(["9007199254740993"]);
  });

  it("compares states by their text, then by their contents", async () => {
    const ours = `{"urn":"u","inputs":{"a":1.50,"s":${secret(`A${json('{"x":1,"y":[]}')}`)}}}`;
    const sealed = ours.replace('"A', '"B');
    expect(await compare(side("A", ours), side("B", sealed), false)).toEqual({ isSameText: true });
    const rewritten = `{"inputs":{"s":${secret(`B${json('{"y":[],"x":1.0}')}`)},"a":1.5},"urn":"u","protect":false}`;
    expect(await compare(side("A", ours), side("B", rewritten), false)).toEqual({ isSameText: false });
    const other = `{"urn":"u","inputs":{"a":1.50,"s":${secret(`B${json('{"x":2,"y":[]}')}`)}}}`;
    expect(await compare(side("A", ours), side("B", other), false)).toMatchObject({ difference: "a secret has another value" });
    expect(await compare(side("A", ours), side("B", `{"urn":"u","inputs":{}}`), false)).toMatchObject({
      difference: "resource 1 (u) differs",
    });
    expect(await compare(side("A", ours), { state: stateOf(`${ours},${ours}`) }, false)).toMatchObject({
      difference: "1 resources became 2",
    });
  });

  it("does not take a rounded number for the same, unless the CLI has written the state", async () => {
    const [ours, theirs] = [side("A", '{"inputs":{"n":9007199254740993}}'), side("A", '{"inputs":{"n":9007199254740992}}')];
    expect((await compare(ours, theirs, false)).difference).toContain("resource 1");
    expect((await compare(ours, theirs, true)).difference).toBeUndefined();
  });

  it("finds the stacks that a program refers to", () => {
    const state = stateOf(
      '{"urn":"u","type":"pulumi:pulumi:StackReference","inputs":{"name":"acme/net/prod"}},{"urn":"v","type":"a:b:C","inputs":{"name":"no"}}',
    );
    expect(referencesOf(state)).toEqual(["acme/net/prod"]);
  });

  it("a passphrase opens what it has sealed, and another one is refused", async () => {
    const setting = await newSetting("correct horse");
    const crypter = await passphraseCrypter("correct horse", setting);
    const sealed = await crypter.seal([json("hüsh"), ""]);
    expect(await crypter.open(sealed)).toEqual([json("hüsh"), ""]);
    await expect(passphraseCrypter("battery staple", setting)).rejects.toThrow("is not the passphrase");
    await expect(crypter.open([sealed[0]!.replace(/.{6}$/, "AAAA==")])).rejects.toThrow("not encrypted with");
  });
});

describe("a bucket", () => {
  const name = { org: "organization", project: "web", stack: "dev" };

  it("is read by as few starts of the CLI as there are questions, and again after an import", async () => {
    const calls = join(folder, "calls");
    const state = join(folder, "state");
    writeFileSync(state, "one");
    const cli = join(folder, "pulumi");
    writeFileSync(
      cli,
      `#!/bin/sh\necho "$3 $4 $5" >> '${calls}'\ncase "$4 $5" in\n"ls "*) echo '[{"name":"organization/web/dev"}]';;\n"tag ls") echo '{"a":"b"}';;\n"export "*) cat '${state}';;\n"import "*) cat > '${state}';;\nesac\n`,
      { mode: 0o755 },
    );
    vi.stubEnv("PULUMI_CLI", cli);
    onTestFinished(() => void vi.unstubAllEnvs());
    const bucket = new Bucket("file:///nowhere");
    const exported = async () => Buffer.from(await bucket.export(name)).toString();
    const made = () => readFileSync(calls, "utf8").trimEnd().split("\n").sort();
    expect(await bucket.list()).toEqual([name]);
    expect(await bucket.look(name)).toEqual({ tags: { a: "b" }, isRunning: false });
    expect(await exported()).toBe("one");
    expect(await bucket.revision()).toEqual({ isRunning: false });
    expect(made()).toEqual(["stack export --stack", "stack ls --all", "stack tag ls"]);
    await bucket.look(name);
    await bucket.import(name, new TextEncoder().encode("two"));
    expect(await exported()).toBe("two");
    expect(await bucket.look({ ...name, stack: "other" })).toBeUndefined();
    expect(made()).toHaveLength(7);
  });
});

it("a stack that has come is not lost with a disk that is full: the progress only keeps the reason", () => {
  const gone = mkdtempSync(join(tmpdir(), "gone-"));
  const progress = new Progress(join(gone, "progress.jsonl"), { from: "a", to: "b" });
  progress.begin({ from: "a", to: "b" });
  const name = { org: "acme", project: "web", stack: "dev" };
  progress.add(name, name, 1, 1);
  expect(progress.fault).toBeUndefined();
  rmSync(gone, { recursive: true });
  progress.add(name, name, 2, 2);
  expect(progress.fault).toContain("ENOENT");
});

describe("a source that is no server of stacks", () => {
  it.each([
    ["a page", 200, "<html>no</html>", "answered with text that is not JSON"],
    ["other JSON", 200, '{"items":[]}', "answered without a list of stacks. Is it the address of the API?"],
    ["the same page for ever", 200, '{"stacks":[],"continuationToken":"x"}', "answered with the same page of stacks twice"],
    ["a refusal with a page", 403, "<html>secret</html>", "the server answered 403"],
  ])("is reported in a sentence: %s", async (_, status, body, message) => {
    const server = createServer((_request, response) => response.writeHead(status).end(body)).listen(0);
    onTestFinished(() => void server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = ["--from", url, "--to", "https://b.example", "--org", "acme", "--progress", join(folder, `progress-${status}.jsonl`)];
    const { code, output } = await runScript("migrate", args, {
      MIGRATE_FROM_TOKEN: "pul-from",
      MIGRATE_TO_TOKEN: "pul-to",
      PULUMI_HOME: folder,
    });
    expect(output).toContain(message);
    expect(output).not.toMatch(/secret|\n {4}at /);
    expect(code).toBe(2);
  });
});

it("a name that would leave its folder is refused, whatever a server says", async () => {
  const names = ["a b", "..", "it's", "größe", "😀", "a/../../b", ""];
  const stacks = names.map((stackName) => ({ orgName: "acme", projectName: "web", stackName }));
  const server = createServer((_request, response) => response.end(JSON.stringify({ stacks }))).listen(0);
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ["--from", url, "--to", "file:///nowhere", "--org", "acme", "--progress", join(folder, "names.jsonl")];
  const { code, output } = await runScript("migrate", args, { MIGRATE_FROM_TOKEN: "pul-from", PULUMI_HOME: folder });
  expect(output.match(/cannot come: its name is not valid/g)).toHaveLength(names.length);
  expect(code).toBe(1);
});

describe("the command", () => {
  let args: string[];
  beforeEach(() => {
    args = ["--from", "https://a.example", "--to", "https://b.example", "--org", "acme", "--progress", join(folder, "progress.jsonl")];
  });
  const env = { MIGRATE_FROM_TOKEN: "pul-from", MIGRATE_TO_TOKEN: "pul-to", PULUMI_HOME: folder };

  it.each([
    [["--from", ""], "--from and --to are needed"],
    [["--to", "https://b.example/path"], "--to is the address of a server"],
    [["--to", "https://user:secret@b.example"], "--to is the address of a server"],
    [["--secrets", "all"], "--secrets is keep or service"],
    [["--parallel", "0"], "--parallel is a number from 1 to 32"],
    [["--preview"], "--preview needs --checkout"],
    [["--stack", "dev"], "--stack dev: write organization/project/stack"],
    [["--to", "https://a.example"], "--from and --to are the same place"],
    [["--token", "x"], "Unknown option '--token'"],
  ])("refuses %s", async (more, message) => {
    const { code, output } = await runScript("migrate", [...args, ...more], env);
    expect(output).toContain(message);
    expect(code).toBe(2);
  });

  it("asks for a token by the name of its variable", async () => {
    const { code, output } = await runScript("migrate", args, { PULUMI_HOME: folder });
    expect(output).toContain(
      "A token for https://a.example is needed: set MIGRATE_FROM_TOKEN, or run `pulumi login https://a.example` first.",
    );
    expect(code).toBe(2);
  });

  it("says that the progress cannot be read", async () => {
    const there = join(folder, "a-folder");
    mkdirSync(there);
    const { code, output } = await runScript("migrate", [...args, "--progress", there], env);
    expect(output).toContain("The progress cannot be read: EISDIR");
    expect(code).toBe(2);
  });

  it("does not continue the progress of another migration", async () => {
    writeFileSync(join(folder, "progress.jsonl"), '{"from":"https://x.example","to":"https://b.example"}\n');
    expect(await runScript("migrate", args, env)).toMatchObject({
      code: 2,
      output: expect.stringContaining("belongs to another migration") as string,
    });
  });
});
