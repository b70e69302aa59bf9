import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { encrypt } from "../../src/secrets/cipher.ts";
import { toBase64 } from "../../src/bytes/base64.ts";
import { eventsOf, settledLog } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { type Exported, component, deploymentOf, rootStack } from "../support/deployment.ts";
import { expectSound } from "../support/dangling.ts";
import { breakDatabase, breakObjectReads, breakObjectWriteOnce, loseDatabaseAnswers, loseObjectAnswers } from "../support/faults.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newStack, newWorld, startUpdate } from "../support/world.ts";

const STACK_PATH = "/api/stacks/acme/web/dev";
/** The key that was current before, as in vitest.config.ts. */
const OLD = env.ENCRYPTION_KEYS.split(",")[1]!;

let world: World;
let token: string;
let stackId: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.admin;
  await newStack(token);
  stackId = (await ok<{ id: string }>("GET", STACK_PATH, { token })).id;
});

const under = async (keys: string, plaintext: string) => toBase64(await encrypt(keys, stackId, new TextEncoder().encode(plaintext)));
const secret = (ciphertext: string) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext });
const withSecrets = (...ciphertexts: string[]) =>
  deploymentOf([
    rootStack,
    Object.assign(component("a"), { outputs: Object.fromEntries(ciphertexts.map((text, i) => [`s${i}`, secret(text)])) }),
  ]);
const importState = (state: unknown) => ok("POST", `${STACK_PATH}/import`, { token, json: state });
const reencrypt = () => ok<Record<string, unknown>>("POST", `${STACK_PATH}/reencrypt`, { token });
const secretsOf = async (path = `${STACK_PATH}/export`) => {
  const { deployment } = await ok<Exported>("GET", path, { token });
  const { outputs } = deployment.resources![1] as unknown as { outputs: Record<string, { ciphertext: string }> };
  return Object.values(outputs).map(({ ciphertext }) => ciphertext);
};
const decrypt = async (ciphertext: string) =>
  atob((await ok<{ plaintext: string }>("POST", `${STACK_PATH}/decrypt`, { token, json: { ciphertext } })).plaintext);

describe("putting a stack's secrets under a new key", () => {
  it("changes those under the older key and no others, as a new version, and reports it", async () => {
    const [one, two, foreign] = [await under(OLD, "one"), await under(env.ENCRYPTION_KEYS, "two"), "v1:salt:passphrase"];
    await importState(withSecrets(one, two, foreign));
    const events = await eventsOf(async () => {
      expect(await reencrypt()).toEqual({ version: 2, reencrypted: 1, untouched: 2, unreadable: 0, keys: { 0: 1, 1: 1 } });
    });
    expect(events).toMatchObject([{ event: "stack-reencrypted", stack: "web/dev" }]);
    expect(events[0]!.description).toContain("Re-encrypted 1 secret under key 1");
    const now = await secretsOf();
    expect(now.slice(1)).toEqual([two, foreign]);
    expect(atob(now[0]!).charCodeAt(1)).toBe(1);
    expect(await decrypt(now[0]!)).toBe("one");
    expect(await secretsOf(`${STACK_PATH}/export/1`)).toEqual([one, two, foreign]);
    expect(await decrypt(one)).toBe("one");
  });

  it("makes no version where there is nothing to do, a second time too", async () => {
    expect(await reencrypt()).toMatchObject({ version: 0, reencrypted: 0 });
    await importState(withSecrets(await under(OLD, "one")));
    await reencrypt();
    await changesNothing(async () => {
      expect(await reencrypt()).toMatchObject({ version: 2, reencrypted: 0, untouched: 1, keys: { 1: 1 } });
    });
  });

  it("leaves and counts what it cannot read", async () => {
    const lost = await under("9:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "gone");
    await importState(withSecrets(lost));
    expect(await reencrypt()).toMatchObject({ version: 1, reencrypted: 0, unreadable: 1, keys: { 9: 1 } });
    expect(await secretsOf()).toEqual([lost]);
  });

  it("waits for a running update, and is an administrator's alone", async () => {
    await importState(withSecrets(await under(OLD, "one")));
    await refused(403, "POST", `${STACK_PATH}/reencrypt`, { token: world.member });
    await refused(404, "POST", `${STACK_PATH}/reencrypt`, { token: world.stranger });
    await refused(404, "POST", "/api/stacks/acme/web/nope/reencrypt", { token });
    await startUpdate(token);
    await refused(409, "POST", `${STACK_PATH}/reencrypt`, { token });
  });

  it("that the database refuses changes nothing", async () => {
    await importState(withSecrets(await under(OLD, "one")));
    const before = await secretsOf();
    const mend = breakDatabase();
    await refused(503, "POST", `${STACK_PATH}/reencrypt`, { token });
    mend();
    expect(await secretsOf()).toEqual(before);
  });

  it.each([
    // The database first answers the read of the stack.
    ["the answer of the last step is lost", () => loseDatabaseAnswers(1), 2],
    ["the object store fails once", breakObjectWriteOnce, 1],
    ["the object store's answer is lost", loseObjectAnswers, 1],
    ["the state cannot be read", breakObjectReads, 1],
  ] as const)("while %s is done once, by the command or by its repetition", async (_, fault, versionAfter) => {
    await importState(withSecrets(await under(OLD, "one"), await under(env.ENCRYPTION_KEYS, "two")));
    // No work in the background takes part.
    await settledLog();
    const mend = fault();
    await refused(503, "POST", `${STACK_PATH}/reencrypt`, { token });
    mend();
    expect((await ok<{ version: number }>("GET", STACK_PATH, { token })).version).toBe(versionAfter);
    expect(await reencrypt()).toMatchObject({ version: 2, unreadable: 0, keys: versionAfter === 2 ? { 1: 2 } : { 0: 1, 1: 1 } });
    const now = await secretsOf();
    expect(now.map((text) => atob(text).charCodeAt(1))).toEqual([1, 1]);
    expect([await decrypt(now[0]!), await decrypt(now[1]!)]).toEqual(["one", "two"]);
    await expectSound();
  });
});
