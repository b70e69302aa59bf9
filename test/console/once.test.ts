import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { newVisitor, shown } from "../support/browser.ts";
import { laterBy } from "../support/clock.ts";
import { breakDatabaseOnce } from "../support/faults.ts";
import { everythingStored } from "../support/stored.ts";
import { type World, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const cookiesOf = (response: Response) =>
  response.headers
    .getSetCookie()
    .map((set) => set.split(";")[0]!)
    .filter((set) => !set.endsWith("="));
const sessionOf = async (token: string) => cookiesOf(await newVisitor().post("/signin", { token })).join("; ");

/** Makes a token in the console. @returns the page that shows its value, and the cookie with the value */
async function made(session: string, form = "/acme/~/tokens/new", fields: Record<string, string> = { name: "ci" }) {
  const answer = await newVisitor(session).post(form, { ...fields, expiry: "never" });
  expect(answer.status).toBe(303);
  return { page: answer.headers.get("Location")!, cookie: cookiesOf(answer).join("; ") };
}
const look = async (session: string, { page, cookie }: { page: string; cookie: string }) =>
  /pul-[0-9a-f]{40}/.exec(await shown(newVisitor(`${session}; ${cookie}`).get(page)))?.[0];

describe("a new token's value", () => {
  it.each<[what: string, form: string, fields: Record<string, string>]>([
    ["an organization's", "/acme/~/tokens/new", { name: "ci" }],
    ["a person's", "/user/settings/tokens", { description: "mine" }],
  ])("of %s token is shown once, though its cookie is put back", async (_, form, fields) => {
    const session = await sessionOf(world.admin);
    const kept = await made(session, form, fields);
    const value = await look(session, kept);
    expect(value).toBeDefined();
    expect(await look(session, kept)).toBeUndefined();
    expect(await look(session, kept)).toBeUndefined();
    // Another spelling of the same cookie shows nothing either.
    expect(await look(session, { ...kept, cookie: `${kept.cookie}=` })).toBeUndefined();
    expect(await everythingStored([])).not.toContain(value);
  });

  it("is shown to one of many requests at the same moment", async () => {
    const session = await sessionOf(world.admin);
    const kept = await made(session);
    const values = await Promise.all(Array.from({ length: 8 }, () => look(session, kept)));
    expect(values.filter((value) => value !== undefined)).toHaveLength(1);
  });

  it("is shown within two minutes, whatever the browser keeps", async () => {
    const session = await sessionOf(world.admin);
    laterBy(0);
    const [late, later] = [await made(session), await made(session, undefined, { name: "other" })];
    laterBy(119_000);
    expect(await look(session, late)).toBeDefined();
    laterBy(2000);
    expect(await look(session, later)).toBeUndefined();
  });

  it("is shown to the session that made it, and to no other of the same person", async () => {
    const [session, other] = [await sessionOf(world.admin), await sessionOf(world.admin)];
    const kept = await made(session);
    expect(await look(other, kept)).toBeUndefined();
    expect(await look(session, kept)).toBeDefined();
  });

  it("is not used up by a request whose use could not be stored", async () => {
    const session = await sessionOf(world.admin);
    const kept = await made(session);
    await look(session, { ...kept, cookie: "" });
    breakDatabaseOnce();
    const failed = await newVisitor(`${session}; ${kept.cookie}`).get(kept.page);
    expect([failed.status, cookiesOf(failed), failed.headers.getSetCookie()]).toEqual([503, [], []]);
    expect(await look(session, kept)).toBeDefined();
  });

  it("leaves nothing behind when its two minutes are over", async () => {
    const session = await sessionOf(world.admin);
    const [first, second] = [await made(session), await made(session, undefined, { name: "other" })];
    await look(session, first);
    laterBy(121_000);
    const third = await made(session, undefined, { name: "third" });
    await look(session, second);
    await look(session, third);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM shown_values").first("n")).toBe(1);
  });
});
