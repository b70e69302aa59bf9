import { expect, inject, it } from "vitest";
import { newContext, signedIn, submit } from "./support/browser.ts";
import { send } from "./support/story.ts";

const ask = <T>(method: string, path: string, json?: unknown) =>
  send<T>(inject("url"), method, path, { token: inject("people")["acme"]!["admin"]!, json });

it("makes a role, gives it to an invited person and a team, and deletes it, with JavaScript off", async () => {
  await ask("POST", "/api/stacks/acme/plain", { stackName: "dev" });
  const context = await newContext({ javaScriptEnabled: false });
  const page = await signedIn(context);
  await page.goto("/acme/~/roles");
  await page.getByRole("link", { name: "Create role" }).click();
  await page.fill("#name", "Plain readers");
  await page.getByLabel("Stacks with a tag").check();
  await page.getByLabel("Tag name").fill("env");
  await page.getByLabel("Tag value").fill("dev");
  await page.locator('[id="part0.set"]').selectOption({ label: "Stack Read" });
  await submit(page, "Add rights on other stacks");
  const second = page.getByRole("group", { name: "Stacks, part 2" });
  await second.getByLabel("Named stacks").check();
  await second.locator('[id="part1.stacks"]').fill("plain/dev");
  await second.locator("summary").click();
  await second.getByLabel("Cancel a running update of the stack.").check();
  await submit(page, "Create role");
  await page.waitForURL(/roles\/[0-9a-f-]{36}$/);
  const address = new URL(page.url()).pathname;
  const text = await page.textContent("main");
  expect(text).toContain("On stacks with the tag env = dev");
  expect(text).toContain("On plain/dev");

  // The rights of mel stay as they are, because other tests run at the same time.
  await page.goto("/acme/~/members/mel/role");
  await page.getByLabel(/^Plain readers/).check();
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.getByRole("link", { name: "Invite by link" }).click();
  await page.getByLabel(/^Plain readers/).check();
  await submit(page, "Create invite link");
  await page.getByRole("cell", { name: "Plain readers" }).waitFor();

  await page.goto("/acme/~/teams");
  await page.getByRole("link", { name: "Create team" }).click();
  await page.fill("#name", "plain");
  await submit(page, "Create team");
  await page.waitForURL(/teams\/plain$/);
  await page.fill("#login", "mel");
  await submit(page, "Add");
  await submit(page, "Make administrator: mel");
  await page.getByRole("button", { name: "Make plain member: mel" }).waitFor();
  await page.getByRole("link", { name: "Stacks" }).last().click();
  await page.fill("#stack", "plain/dev");
  await page.selectOption("#permission", "102");
  await submit(page, "Give");
  await page.getByRole("row", { name: /^plain\/dev/ }).waitFor();
  await page.goto("/acme/~/teams/plain/roles");
  await page.getByLabel(/^Plain readers/).check();
  await submit(page, "Give");
  await page.getByRole("row", { name: /^Plain readers/ }).waitFor();
  await page.goto("/acme/~/teams/plain/tokens/new");
  await page.fill("#name", "plain-ci");
  await submit(page, "Create token");
  await page.waitForURL(/\/value$/);
  const value = (await page.locator("pre").first().textContent())!.trim();
  const whoAmI = () => fetch(`${inject("url")}/api/user`, { headers: { Authorization: `token ${value}` } });
  expect((await whoAmI()).status).toBe(200);
  await page.reload();
  expect(await page.content()).not.toContain(value);

  await page.goto(address);
  await page.getByRole("link", { name: "Delete…" }).click();
  expect(await page.textContent("main")).toMatch(/1 team has it\..*1 pending invitation gives it\./);
  await page.getByRole("link", { name: "Delete it all the same…" }).click();
  await page.fill("#confirmation", "Plain readers");
  await submit(page, "Delete");
  await page.waitForURL(/\/roles$/);
  expect(await page.textContent("main section")).not.toContain("Plain readers");

  await page.goto("/acme/~/teams/plain/settings");
  await page.getByRole("link", { name: "Delete…" }).click();
  expect(await page.textContent("main")).toContain("plain-ci");
  await page.fill("#confirmation", "plain");
  await submit(page, "Delete");
  await page.waitForURL(/\/teams$/);
  expect((await whoAmI()).status).toBe(401);
  await context.close();
});

it("makes and changes a role with the keyboard alone", async () => {
  const context = await newContext();
  const page = await signedIn(context);
  const focused = () =>
    page.evaluate(() => {
      const at = document.activeElement as HTMLInputElement | null;
      return at?.id || at?.name || at?.textContent?.trim() || "";
    });
  const tabTo = async (what: string) => {
    for (let i = 0; i < 80; i++) {
      if ((await focused()) === what) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`${what} was not reached with Tab on ${page.url()}`);
  };
  const tabBackTo = async (what: string) => {
    for (let i = 0; i < 80 && (await focused()) !== what; i++) await page.keyboard.press("Shift+Tab");
    expect(await focused()).toBe(what);
  };
  const go = (to: RegExp) => Promise.all([page.waitForURL(to), page.keyboard.press("Enter")]);
  await page.goto("/acme/~/roles");
  await tabTo("Create role");
  await go(/\/new$/);
  await tabTo("name");
  await page.keyboard.type("Keyboard");
  await tabTo("part0.on");
  await page.keyboard.press("ArrowDown");
  await tabTo("part0.key");
  await page.keyboard.type("env");
  await tabTo("part0.value");
  await page.keyboard.type("test");
  await tabTo("part0.set");
  await page.keyboard.press("ArrowDown");
  // The Enter key saves, although the form has another button.
  await tabBackTo("part0.value");
  await go(/roles\/[0-9a-f-]{36}$/);
  expect(await page.textContent("main")).toContain("On stacks with the tag env = test");
  await tabTo("Change");
  await go(/\/edit$/);
  await tabTo("description");
  await page.keyboard.type("made without a mouse");
  await go(/roles\/[0-9a-f-]{36}$/);
  expect(await page.textContent("main")).toContain("made without a mouse");
  await tabTo("Delete…");
  await go(/\/delete$/);
  await tabTo("Delete");
  await go(/\/roles$/);
  expect(await page.textContent("main section")).not.toContain("Keyboard");
  await context.close();
});

it("keeps what was typed when the browser lets it through and the server does not", async () => {
  const context = await newContext({ javaScriptEnabled: false });
  const page = await signedIn(context);
  await page.goto("/acme/~/roles/new?as=json");
  await page.fill("#name", "Kept");
  await page.fill("#details", `{\n  "__type": "nothing"\n}`);
  await submit(page, "Create role");
  expect(await page.textContent(".notice.error")).toContain("is not a kind of permission descriptor");
  expect(await page.inputValue("#details")).toBe(`{\n  "__type": "nothing"\n}`);
  expect(await page.inputValue("#name")).toBe("Kept");
  await page.fill("#details", `{"__type": "PermissionDescriptorAllow", "permissions": ["stack:read"]}`);
  await submit(page, "Create role");
  await page.waitForURL(/roles\/[0-9a-f-]{36}$/);
  await context.close();
});
