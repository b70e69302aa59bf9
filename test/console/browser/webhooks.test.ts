import { type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { newContext, signedIn, submit } from "./support/browser.ts";

/** A destination on this machine. */
async function startDestination() {
  const arrived: { kind: string; id: string }[] = [];
  let answer = (response: ServerResponse) => void response.end("thank you");
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      arrived.push({ kind: String(request.headers["pulumi-webhook-kind"]), id: String(request.headers["pulumi-webhook-id"]) });
      answer(response);
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
  return { url, arrived, answerWith: (next: typeof answer) => void (answer = next) };
}

it("makes a webhook, pings it, sees a failure, mends it and sends the message again, with JavaScript off", async () => {
  const destination = await startDestination();
  const context = await newContext({ javaScriptEnabled: false });
  const page = await signedIn(context);
  await page.goto("/acme/~/settings");
  await page.getByRole("link", { name: "Webhooks" }).click();
  await page.getByRole("link", { name: "Add webhook" }).click();
  await page.fill("#displayName", "Pager of the team");
  await page.fill("#payloadUrl", destination.url);
  await page.getByLabel("An update failed").check();
  await page.getByRole("group", { name: "Access tokens" }).getByLabel("A token was reported as leaked").check();
  await submit(page, "Add webhook");
  await page.getByText("It is shown only once").waitFor();
  expect(await page.textContent("pre")).toMatch(/whsec_/);
  await page.getByRole("link", { name: "I have copied it" }).click();
  await page.getByText("An update failed, A token was reported as leaked").waitFor();

  await submit(page, "Send a test message");
  await page.getByText("thank you").waitFor();
  await page.getByText("delivered", { exact: true }).waitFor();
  expect(destination.arrived.map(({ kind }) => kind)).toEqual(["ping"]);

  destination.answerWith((response) => void response.writeHead(503).end("out of order"));
  await page.getByRole("link", { name: "Pager of the team", exact: true }).click();
  await submit(page, "Send a test message");
  await page.getByText("The destination answered with status 503.").waitFor();
  await page.getByText("out of order").waitFor();
  const failed = page.url();

  destination.answerWith((response) => void response.end("mended"));
  await submit(page, "Send it again");
  expect(page.url()).toBe(failed);
  await page.getByText("mended").waitFor();
  expect(destination.arrived).toHaveLength(3);
  expect(destination.arrived[2]).toEqual(destination.arrived[1]);

  await page.getByRole("link", { name: "Pager of the team", exact: true }).click();
  await submit(page, "Disable");
  await page.getByText("disabled", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Delete…" }).click();
  await page.fill("#confirmation", "Pager of the team");
  await submit(page, "Delete");
  await page.getByRole("heading", { name: "Webhooks", exact: true }).waitFor();
  expect(await page.getByRole("link", { name: "Pager of the team", exact: true }).count()).toBe(0);
  await context.close();
});
