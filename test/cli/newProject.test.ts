import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { newOrgToken } from "./support/api.ts";
import { Terminal } from "./support/terminal.ts";

const admin = inject("people")["acme"]!["admin"]!;

/** @returns a folder with the template `template`, and room beside it */
function newTemplate(): string {
  const folder = mkdtempSync(join(inject("directory"), "new-"));
  mkdirSync(join(folder, "template"));
  const program = "name: ${PROJECT}\ndescription: ${DESCRIPTION}\nruntime: yaml\ntemplate: { description: A template }\n";
  writeFileSync(join(folder, "template/Pulumi.yaml"), program);
  return folder;
}

it.each([
  ["a project whose name is given", ["--name", "n1", "--stack", "acme/n1/dev"]],
  ["a project with a description", ["--name", "n2", "--description", "the second", "--stack", "acme/n2/dev"]],
  ["a project without a stack", ["--name", "n3", "--generate-only"]],
])("pulumi new makes %s from a template, through the development proxy", async (_, args) => {
  const token = await newOrgToken(`new-${args[1]}`);
  const folder = newTemplate();
  const runner = new Terminal({ project: folder, token: token.value });
  await runner.pulumi("new", join(folder, "template"), "--yes", "--dir", join(folder, "made"), ...args);
  const made = runner.with({ project: join(folder, "made") });
  if (args.includes("--stack")) expect(await made.pulumi("stack")).toContain("Current stack is dev");
});

it("pulumi new asks for another name when there is such a project", async () => {
  const token = await newOrgToken("new-again");
  const folder = newTemplate();
  const runner = new Terminal({ project: folder, token: token.value });
  const args = ["new", join(folder, "template"), "--yes", "--name", "n4", "--stack"];
  await runner.pulumi(...args, "acme/n4/dev", "--dir", join(folder, "made"));
  const { output } = await runner.fails(...args, "acme/n4/dev", "--dir", join(folder, "again"));
  expect(output).toMatch(/already exists/);
});

it("the development proxy marks no empty answer as gzip, at any route", async () => {
  const wrong: string[] = [];
  const document = join(import.meta.dirname, "../../public/openapi.json");
  const { paths } = JSON.parse(readFileSync(document, "utf8")) as { paths: Record<string, object> };
  for (const [template, methods] of Object.entries(paths)) {
    if (!("get" in methods) && !("head" in methods)) continue;
    const path = template.replace("{orgName}", "acme").replaceAll(/\{\w+\}/g, "1");
    for (const token of [admin, ""]) {
      const { status, encoding } = await head(path, token);
      if (encoding !== undefined) wrong.push(`HEAD ${path} is answered ${status} as ${encoding}`);
    }
  }
  expect(wrong).toEqual([]);
});

/** Makes the request as the CLI does: it accepts gzip, and inflates an answer that is marked as gzip. */
const head = (path: string, token: string) =>
  new Promise<{ status: number | undefined; encoding: string | undefined }>((resolve, reject) => {
    const headers = { "Accept-Encoding": "gzip", ...(token && { Authorization: `token ${token}` }) };
    const asked = request(inject("url") + path, { method: "HEAD", headers }, (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode, encoding: answer.headers["content-encoding"] });
    });
    asked.once("error", reject).end();
  });
