import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";

const file = () => join(inject("directory"), "secrets-used");

/** A new random secret. The last test searches for it everywhere where the server stores data. */
export function newSecret(): string {
  const value = `hush-${randomBytes(12).toString("hex")}`;
  mustNotBeFound(value);
  return value;
}

/** Notes a value that the server must not store or log unencrypted. */
export const mustNotBeFound = (value: string): void => appendFileSync(file(), `${value}\n`);

/** Every value noted in this run, by all test files. */
export const notedSecrets = (): string[] =>
  existsSync(file()) ? [...new Set(readFileSync(file(), "utf8").split("\n").filter(Boolean))] : [];
