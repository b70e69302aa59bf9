import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newWorld } from "../support/world.ts";

const HERE = "/user/settings/sessions";
let world: World;
beforeEach(async () => {
  world = await newWorld();
});

interface Session {
  id: string;
  current: boolean;
  madeWith: string;
}
const list = async (token: string, query = "") =>
  ok<{ sessions: Session[]; continuationToken?: string }>("GET", `/api/user/sessions${query}`, { token });

it("are listed for their person, the open ones, newest first and page by page, with the token that opened each", async () => {
  const { id, tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
  await signIn(world.admin);
  const second = await signIn(tokenValue);
  await signIn(world.member);
  const { sessions } = await list(world.admin);
  expect(sessions).toHaveLength(2);
  expect(sessions[0]).toMatchObject({ madeWith: id, current: false });
  const first = await list(world.admin, "?maxResults=1");
  const rest = await list(world.admin, `?maxResults=1&continuationToken=${first.continuationToken}`);
  expect([...first.sessions, ...rest.sessions].map((session) => session.id)).toEqual(sessions.map((session) => session.id));
  await second.post("/signout", {});
  expect((await list(world.admin)).sessions).toHaveLength(1);
  await signIn(tokenValue);
  await ok("DELETE", `/api/user/tokens/${id}`, { token: world.admin });
  expect((await list(world.admin)).sessions).toHaveLength(1);
});

it("end one by one, at once, with an event in each organization of the person, and by nobody else", async () => {
  await signIn(world.member);
  const [mine, other] = [await signIn(world.admin), await signIn(world.admin)];
  expect((await list(world.admin)).sessions).toHaveLength(2);
  const [{ id }] = (await list(world.admin)).sessions as [Session, Session];
  await changesNothing(() => refused(404, "DELETE", `/api/user/sessions/${id}`, { token: world.member }));
  const events = await eventsOf(() => ok("DELETE", `/api/user/sessions/${id}`, { token: world.admin }));
  expect(events).toMatchObject([{ event: "user-session-ended", description: `Ended a console session (${id}).`, userLogin: "ada" }]);
  expect((await other.get("/acme")).headers.get("Location")).toMatch(/^\/signin/);
  await shown(mine.get("/acme"));
  expect(await eventsOf(() => ok("DELETE", `/api/user/sessions/${id}`, { token: world.admin }))).toEqual([]);
  await refused(404, "DELETE", "/api/user/sessions/nothing?withDescendants=true", { token: world.admin });
});

it("are not found as personal tokens, nor personal tokens as sessions", async () => {
  await signIn(world.admin);
  const [session] = (await list(world.admin)).sessions;
  const token = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
  for (const query of ["", "?withDescendants=true"])
    await changesNothing(async () => {
      await refused(404, "DELETE", `/api/user/tokens/${session!.id}${query}`, { token: world.admin });
      await refused(404, "DELETE", `/api/user/sessions/${token.id}${query}`, { token: world.admin });
    });
});

it("have a page that ends one with everything that was created in it", async () => {
  const [mine, thief] = [await signIn(world.admin), await signIn(world.admin)];
  await thief.post("/acme/~/tokens/new", { name: "thief", expiry: "never" });
  const id = (await env.DB.prepare("SELECT made_with AS id FROM access_tokens WHERE name = 'thief'").first<string>("id"))!;
  const page = await shown(mine.get(HERE));
  expect(page.match(/End…/g)).toHaveLength(2);
  expect(page.match(/this session/g)).toHaveLength(1);
  expect(await shown(mine.get(`${HERE}/${id}/end`))).toMatch(
    /Created with it.*organization token <strong>thief<\/strong> of acme.*End session with everything it created/s,
  );
  expect(await shown(mine.post(`${HERE}/${id}/end`, { withDescendants: "true" }))).toMatch(
    /Ended the session.*organization token <strong>thief/s,
  );
  expect(await ok("GET", "/api/orgs/acme/tokens", { token: world.admin })).toEqual({ tokens: [] });
  expect((await thief.get("/acme")).headers.get("Location")).toMatch(/^\/signin/);
});

it("end on request without ending what was created in them", async () => {
  const [mine, other] = [await signIn(world.admin), await signIn(world.admin)];
  await other.post("/acme/~/tokens/new", { name: "kept", expiry: "never" });
  const id = (await env.DB.prepare("SELECT made_with AS id FROM access_tokens WHERE name = 'kept'").first<string>("id"))!;
  await mine.post(`${HERE}/${id}/end`, {});
  expect(await ok("GET", "/api/orgs/acme/tokens", { token: world.admin })).toMatchObject({ tokens: [{ name: "kept", status: "active" }] });
});
