import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { mailProviders, settingFaults } from "../../src/settings.ts";
import { mailInvites } from "../../src/orgs/mailInvites.ts";
import { shown, signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newWorld } from "../support/world.ts";

const path = "/api/orgs/acme/invites";
const upstream = (env as unknown as { REGISTRY_UPSTREAM: string }).REGISTRY_UPSTREAM;
const vars = env as unknown as Record<string, unknown>;
interface Mail {
  from: string;
  to: string;
  subject: string;
  text: string;
}

let world: World;
let sent: Mail[];
let fails: boolean;
/** Mails that were handed to the service, including those that it did not accept. */
let tried: number;
beforeEach(async () => {
  world = await newWorld();
  sent = [];
  fails = false;
  tried = 0;
  vars["MAIL_FROM"] = "stackpass@example.com";
  vars["MAIL"] = {
    send: async (mail: Mail) => {
      tried++;
      if (fails) throw new Error("the mail service is away");
      sent.push(mail);
    },
  };
});
afterEach(() => {
  for (const name of ["MAIL", "MAIL_FROM", "MAIL_PROVIDER", "MAIL_URL", "MAIL_TOKEN"]) delete vars[name];
});

const invite = (email: string, token = world.admin) =>
  ok<{ sentInvites: { id: string; acceptInviteUrl: string }[] }>("POST", `${path}/batch`, {
    token,
    json: { invites: [{ email, role: "member" }] },
  });
const mailsTo = async (path: string) => {
  const requests = await (await fetch(`${upstream}/requests`)).json<{ url: string; body?: string; headers: Record<string, string> }[]>();
  return requests.filter(({ url }) => url === path);
};
const states = async () =>
  (await ok<{ invites: { email: string; mail?: string }[] }>("GET", path, { token: world.admin })).invites.map(({ mail }) => mail);
const MINUTE = 60_000;
/** Makes each mail due, as if the time had passed. */
const wait = () => env.DB.prepare("UPDATE invites SET mail_at = 1 WHERE mail_at IS NOT NULL").run();

describe("an invitation by address", () => {
  it("is mailed once, with its link", async () => {
    const { sentInvites } = await invite("gus@example.com");
    await expect.poll(() => sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ from: "stackpass@example.com", to: "gus@example.com", subject: "Invitation to acme" });
    expect(sent[0]!.text).toContain(sentInvites[0]!.acceptInviteUrl);
    expect(sent[0]!.text).toContain("ada invites you");
    await expect.poll(states).toEqual(["sent"]);
    await mailInvites(env, Date.now() + MINUTE);
    expect(sent).toHaveLength(1);
  });

  it("is mailed later if the mail service was away, and not for ever", async () => {
    fails = true;
    await invite("gus@example.com");
    await expect.poll(() => tried).toBe(1);
    expect(await states()).toEqual(["waiting"]);
    expect(await mailInvites(env, Date.now() + MINUTE)).toEqual({ sent: 0, failed: 0 });
    fails = false;
    expect(await mailInvites(env, Date.now() + 6 * MINUTE)).toEqual({ sent: 1, failed: 0 });
    expect(await states()).toEqual(["sent"]);

    fails = true;
    await invite("other@example.com");
    await expect.poll(() => tried).toBe(3);
    for (let i = 0; i < 10; i++) {
      await wait();
      await mailInvites(env, Date.now());
    }
    expect(new Set(await states())).toEqual(new Set(["failed", "sent"]));
    expect(await env.DB.prepare("SELECT count(*) AS n FROM invites WHERE mail_at IS NOT NULL").first("n")).toBe(0);
  });

  it("is tried later if the binding does not answer", async () => {
    fails = true;
    await invite("gus@example.com");
    await expect.poll(() => tried).toBe(1);
    vars["MAIL"] = { send: () => new Promise(() => tried++) };
    const time = vi.spyOn(scheduler, "wait").mockResolvedValue(undefined);
    await wait();
    expect(await mailInvites(env, Date.now())).toEqual({ sent: 0, failed: 1 });
    time.mockRestore();
    expect(tried).toBe(2);
  });

  it("that was canceled is not mailed any more", async () => {
    fails = true;
    const { sentInvites } = await invite("gus@example.com");
    await expect.poll(() => tried).toBe(1);
    await ok("DELETE", `${path}/${sentInvites[0]!.id}`, { token: world.admin });
    fails = false;
    await wait();
    expect(await mailInvites(env, Date.now())).toEqual({ sent: 0, failed: 0 });
    expect(sent).toEqual([]);
  });

  it("is mailed again on request, at most once in a day; an invitation by link never is", async () => {
    const { sentInvites } = await invite("gus@example.com");
    const again = `${path}/${sentInvites[0]!.id}/resend`;
    await expect.poll(states).toEqual(["sent"]);
    await changesNothing(() => refused(429, "POST", again, { token: world.admin }));
    await env.DB.prepare("UPDATE invites SET mailed_at = mailed_at - 82800000").run();
    await changesNothing(() => refused(429, "POST", again, { token: world.admin }));
    await env.DB.prepare("UPDATE invites SET mailed_at = mailed_at - 3600001").run();
    await ok("POST", again, { token: world.admin });
    await expect.poll(() => sent).toHaveLength(2);

    const link = await ok<{ id: string }>("POST", `${path}/link`, { token: world.admin, json: { role: "member" } });
    await ok("POST", `${path}/${link.id}/resend`, { token: world.admin });
    await wait();
    await mailInvites(env, Date.now());
    expect(sent).toHaveLength(2);
  });

  it.each([
    ["a list", "a@b,c@d"],
    ["a name", "Ada <a@b.example>"],
    ["a list with semicolons", "a@b;c"],
    ["a quotation", '"x"@b.example'],
    ["two signs", "a@b@c"],
    ["a zero byte", "a\0@b.example"],
    ["a character without width", "a\u200b@b.example"],
    ["half a character", "a\ud800@b.example"],
  ])("of what is not one address is refused: %s", async (_, email) => {
    await changesNothing(() =>
      refused(400, "POST", `${path}/batch`, { token: world.admin, json: { invites: [{ email, role: "member" }] } }),
    );
  });

  it("with any characters is no fault of the server, also without mail", async () => {
    delete vars["MAIL"];
    for (const email of ["a\0@b.example", "a\ud800@b.example", "\u202ea@b.example"]) {
      const { status } = await call("POST", `${path}/batch`, { token: world.admin, json: { invites: [{ email, role: "member" }] } });
      expect([200, 400]).toContain(status);
      expect((await call("GET", path, { token: world.admin })).status).toBe(200);
    }
  });

  /** Invitations of acme that have just been sent. */
  const addInvites = (count: number) =>
    env.DB.prepare(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
       INSERT INTO invites (id, org_id, email, role, created_at, sent_by, sent_at)
       SELECT 'invite-' || n, organizations.id, n || '@example.com', 'member', ?1, 'ada', ?1 FROM numbers, organizations WHERE name = 'acme'`,
    )
      .bind(Date.now(), count)
      .run();

  it("is refused beyond 500 in a day, also of calls at the same time", async () => {
    await addInvites(498);
    const answers = await Promise.all(
      ["a", "b", "c", "d", "e"].map((name) =>
        call("POST", `${path}/batch`, { token: world.admin, json: { invites: [{ email: `${name}@example.com`, role: "member" }] } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 200, 429, 429, 429]);
  });

  it("is refused beyond 500 in a day", async () => {
    await addInvites(500);
    await changesNothing(() =>
      refused(429, "POST", `${path}/batch`, { token: world.admin, json: { invites: [{ email: "x@y.z", role: "member" }] } }),
    );
    delete vars["MAIL"];
    await invite("x@example.com");
  });
});

it("without a mail service, nothing is mailed, now or later", async () => {
  delete vars["MAIL"];
  await invite("gus@example.com");
  expect(await states()).toEqual([undefined]);
  expect(await mailInvites(env, Date.now())).toBeUndefined();
});

it.each(mailProviders)("a mail goes to %s with the secret in its header", async (provider) => {
  delete vars["MAIL"];
  Object.assign(vars, { MAIL_PROVIDER: provider, MAIL_TOKEN: "the-secret-of-mail", MAIL_URL: `${upstream}/mail/200/${provider}` });
  const { sentInvites } = await invite("gus@example.com");
  await expect.poll(states).toEqual(["sent"]);
  const [request] = await mailsTo(`/mail/200/${provider}`);
  const { authorization, "x-postmark-server-token": postmark } = request!.headers;
  expect(provider === "postmark" ? postmark : authorization?.replace(/^Bearer /, "")).toBe("the-secret-of-mail");
  expect(request!.body).toContain(sentInvites[0]!.acceptInviteUrl);
  expect(request!.body).toContain("gus@example.com");
});

it.each([301, 401, 429, 500])("a provider that answers %i has not accepted the mail", async (status) => {
  delete vars["MAIL"];
  Object.assign(vars, { MAIL_PROVIDER: "resend", MAIL_TOKEN: "x", MAIL_URL: `${upstream}/mail/${status}/resend` });
  await invite("gus@example.com");
  await expect.poll(async () => (await mailsTo(`/mail/${status}/resend`)).length).toBe(1);
  expect(await states()).toEqual(["waiting"]);
});

it.each([
  [{ MAIL_PROVIDER: "postcard", MAIL_FROM: "a@b.example", MAIL_TOKEN: "x" }, ["MAIL_PROVIDER must be one of resend, postmark, sendgrid."]],
  [{ MAIL_PROVIDER: "resend", MAIL_FROM: "a@b.example" }, ["MAIL_TOKEN must be the secret of the mail provider."]],
  [
    { MAIL_PROVIDER: "resend", MAIL_FROM: "a@b.example", MAIL_TOKEN: "x", MAIL_URL: "api.example.com" },
    ["MAIL_URL must be the address of the mail provider's API."],
  ],
  [{ MAIL_FROM: "nobody" }, ["MAIL_FROM must be the address that mail is sent from."]],
])("the settings %j are reported", (settings, faults) => {
  if ("MAIL_PROVIDER" in settings) delete vars["MAIL"];
  expect(settingFaults({ ...env, ...settings } as never)).toEqual(faults);
});

it("the console has a field for the address, and says what became of the mail", async () => {
  const HERE = "/acme/~/members/invites";
  const admin = await signIn(world.admin);
  expect((await admin.post(HERE, { role: "member", email: "gus@example.com" })).status).toBe(303);
  await expect.poll(() => shown(admin.get(HERE))).toContain("The mail was sent.");
  expect(await shown(admin.post(HERE, { role: "member", email: "gus@example.com" }), 409)).toContain("has a pending invitation");
  expect(await shown(admin.post(HERE, { role: "member", email: "<b>" }), 400)).toContain("Invalid email address");
  delete vars["MAIL"];
  expect(await shown(admin.get(HERE))).not.toContain("Mail address");
});
