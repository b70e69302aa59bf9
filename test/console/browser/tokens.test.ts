import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { Terminal } from "../../cli/support/terminal.ts";
import { createToken, newContext, signedIn, tokens } from "./support/browser.ts";

const whoAmI = (token: string) => fetch(`${inject("url")}/api/user`, { headers: { Authorization: `token ${token}` } });

it("a token's whole life: created, copied, used by the CLI, seen in the log, rotated, deleted, refused", async () => {
  const context = await newContext();
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: inject("url") });
  const page = await signedIn(context);
  const { id, value } = await createToken(page, "jenkins-ci");
  // The button shows the confirmation for two seconds.
  const copied = page.getByRole("button", { name: "Copied" }).waitFor();
  await Promise.all([copied, page.getByRole("button", { name: "Copy" }).first().click()]);
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(value);

  if (inject("cli")) {
    const project = join(inject("directory"), "shop");
    mkdirSync(project);
    writeFileSync(join(project, "Pulumi.yaml"), "name: shop\nruntime: yaml\n");
    const terminal = new Terminal({ project, token: value });
    await terminal.pulumi("stack", "init", "acme/shop/dev");
    const file = join(project, "state.json");
    await terminal.pulumi("stack", "export", "--stack", "acme/shop/dev", "--file", file);
    await terminal.pulumi("stack", "import", "--stack", "acme/shop/dev", "--file", file);
  } else console.log("no pulumi CLI: the token is used with a plain request");
  expect((await whoAmI(value)).status).toBe(200);

  // The events of the token arrive in the log a moment later.
  await page.goto(`${tokens}/${id}`);
  await page.click("text=View in audit log");
  if (inject("cli")) {
    for (let i = 0; i < 100 && (await page.locator(".event", { hasText: "Stack Imported" }).count()) === 0; i++) {
      await page.waitForTimeout(100);
      await page.reload();
    }
    await page.locator(".event a time").first().click();
    await page.waitForURL(/\/~\/audit\/\d+$/);
    expect(await page.textContent("main")).toContain("Verified: its hash matches");
    expect(await page.textContent("main")).toContain("jenkins-ci");
  }

  await page.goto(`${tokens}/${id}`);
  await page.selectOption("#overlap", "0");
  await page.click("text=Create successor");
  await page.waitForURL(/\/value$/);
  const successor = (await page.locator("pre").first().textContent())!.trim();
  const successorId = page.url().split("/").at(-2)!;
  expect(successor).not.toBe(value);
  expect((await whoAmI(value)).status).toBe(401);
  expect((await whoAmI(successor)).status).toBe(200);

  await page.goto(`${tokens}/${successorId}`);
  await page.click("text=Delete…");
  await page.fill("#confirmation", "another-name");
  await page.click("main form button");
  expect(await page.textContent(".wrong")).toContain("not the token's name");
  expect((await whoAmI(successor)).status).toBe(200);
  const name = (await page.textContent("h1"))!.replace(/^Delete |\?$/g, "");
  await page.fill("#confirmation", name);
  await page.click("main form button");
  await page.waitForURL((url) => url.pathname === tokens);
  expect((await whoAmI(successor)).status).toBe(401);

  await page.goto(`/acme/~/audit?tokenFilter=${successorId}&refusalsOnly=true`);
  for (let i = 0; i < 100 && (await page.locator("li.refused").count()) === 0; i++) {
    await page.waitForTimeout(100);
    await page.reload();
  }
  expect(await page.locator("li.refused").count()).toBeGreaterThan(0);
  await context.close();
});

it.each([true, false])("neither reload nor back shows a value again (JavaScript %s)", async (javaScriptEnabled) => {
  const context = await newContext({ javaScriptEnabled });
  const page = await signedIn(context);
  const { value } = await createToken(page, `once-${javaScriptEnabled}`);
  const address = page.url();
  await page.reload();
  expect(await page.content()).not.toContain(value);
  const again = await createToken(page, `once-again-${javaScriptEnabled}`);
  await page.goto(tokens);
  await page.goBack();
  expect(await page.content()).not.toContain(again.value);
  await page.goto(address);
  expect(await page.content()).not.toContain(value);
  await context.close();
});

it("creates and deletes with JavaScript off", async () => {
  const context = await newContext({ javaScriptEnabled: false });
  const page = await signedIn(context);
  const { id, value } = await createToken(page, "plain-html");
  await page.goto(`${tokens}/${id}/delete`);
  await page.fill("#confirmation", "plain-html");
  await page.click("main form button");
  await page.waitForURL((url) => url.pathname === tokens);
  expect((await whoAmI(value)).status).toBe(401);
  await context.close();
});

it("creates and deletes with the keyboard alone", async () => {
  const context = await newContext();
  const page = await signedIn(context);
  const focused = () =>
    page.evaluate(() => {
      const at = document.activeElement as HTMLElement | null;
      return at?.id || at?.textContent?.trim() || "";
    });
  const tabTo = async (what: string) => {
    for (let i = 0; i < 60; i++) {
      if ((await focused()) === what) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`${what} was not reached with Tab on ${page.url()}`);
  };
  const go = (to: RegExp) => Promise.all([page.waitForURL(to), page.keyboard.press("Enter")]);
  await page.goto(tokens);
  await page.keyboard.press("Tab");
  expect(await focused()).toBe("Skip to content");
  await tabTo("Create token");
  await go(/\/new$/);
  await tabTo("name");
  await page.keyboard.type("by-keyboard");
  await go(/\/value$/);
  await tabTo("I have copied it");
  await go(/\/tokens$/);
  await tabTo("by-keyboard");
  await go(/\/tokens\/[^/]+$/);
  await tabTo("Delete…");
  await go(/\/delete$/);
  await tabTo("confirmation");
  await page.keyboard.type("by-keyboard");
  await go(/\/tokens$/);
  expect(await page.locator("main section").first().textContent()).not.toContain("by-keyboard");
  await context.close();
});
