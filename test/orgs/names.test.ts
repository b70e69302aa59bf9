import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { identitiesSql, takenName, personSql } from "../../scripts/identities.ts";
import { changesNothing } from "../support/stored.ts";
import { newWorld } from "../support/world.ts";

/** The log uses one kind of name for the actor, whether it is a person or an organization's machine. */
beforeEach(async () => {
  await newWorld();
});

const run = (sql: string) =>
  env.DB.batch(
    sql
      .trim()
      .split("\n")
      .map((line) => env.DB.prepare(line)),
  );
const account = async (login: string) => run((await personSql(login, "", ["pepper"], 1)).sql);
const organization = async (name: string, login = "somebody") =>
  run((await identitiesSql({ [name]: { [login]: "admin" } }, ["pepper"], 1)).sql);
const faultOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => takenName(String(error)),
  );

it.each(["acme", "ACME", "Globex"])("an account is not called %s, like an organization", async (login) => {
  await changesNothing(async () => expect(await faultOf(account(login))).toBe("An organization has that name: choose another login."));
});

it.each(["ada", "Mel"])("an organization is not called %s, like a person", async (name) => {
  await changesNothing(async () =>
    expect(await faultOf(organization(name))).toBe("A person has that name: choose another name for the organization."),
  );
});

it("nor is its first administrator called like it, or like another one", async () => {
  await changesNothing(async () => {
    expect(await faultOf(organization("initech", "Initech"))).toBe("An organization has that name: choose another login.");
    expect(await faultOf(organization("initech", "acme"))).toBe("An organization has that name: choose another login.");
  });
});

it("a name that is taken by the same kind has its own message, and another failure has none", async () => {
  expect(await faultOf(account("ADA"))).toBe("A person with that login exists already.");
  expect(await faultOf(organization("ACME"))).toBe("An organization with that name exists already.");
  expect(takenName("no such table: users")).toBeUndefined();
});

it("of an account and an organization that are made at once one is made", async () => {
  for (let i = 0; i < 20; i++) {
    const faults = await Promise.all([faultOf(account(`name-${i}`)), faultOf(organization(`NAME-${i}`, `admin-${i}`))]);
    expect(faults.filter((fault) => fault === undefined)).toHaveLength(1);
  }
});
