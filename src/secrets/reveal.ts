import type { OrgContext } from "../context.ts";
import { fromBase64 } from "../bytes/base64.ts";
import { badRequest, notFound } from "../errors.ts";
import { Ciphertexts, withPlaintexts } from "../state/ciphertexts.ts";
import { StateError } from "../state/errors.ts";
import { outputsOf, readable } from "../state/outputs.ts";
import { decodeText, membersOf } from "../state/json/json.ts";
import { propertiesOf } from "../state/around.ts";
import { findResource } from "../state/resources.ts";
import { type StackPath, pathText } from "../stacks/path.ts";
import { openState } from "../stacks/resources.ts";
import { takeState } from "../stacks/stateAt.ts";
import { decryptValues } from "./decrypt.ts";

/** Maximum number of secrets in one value. */
const MOST_SECRETS = 100;

/**
 * Returns one output of a stack with its secrets decrypted. Before that it records two events: the export of a part of the state, and the
 * decryption.
 * @throws 404 when there is no such output, 400 when its secrets were not encrypted by this service
 */
export async function revealOutput(ctx: OrgContext, path: StackPath, name: string): Promise<string> {
  const { chunks } = await openState(ctx, await takeState(ctx, path, undefined, "an output"));
  const value = (await outputsOf(chunks)).get(name);
  if (!value) throw notFound(`Output '${name.slice(0, 100)}' of stack '${pathText(path)}'`);
  return reveal(ctx, path, value, "an output");
}

/** Returns one input or output of a resource with its secrets decrypted, and records it as `revealOutput` does. */
export async function revealProperty(
  ctx: OrgContext,
  path: StackPath,
  urn: string,
  part: "inputs" | "outputs",
  name: string,
): Promise<string> {
  const { chunks } = await openState(ctx, await takeState(ctx, path, undefined, "a resource"));
  const resource = await findResource(chunks, urn);
  const value = resource && propertiesOf(membersOf(resource), part).get(name);
  if (!value) throw notFound(`Property '${name.slice(0, 100)}' of the resource`);
  return reveal(ctx, path, value, "a property");
}

async function reveal(ctx: OrgContext, path: StackPath, value: Uint8Array, what: string): Promise<string> {
  const secrets = new Ciphertexts(MOST_SECRETS + 1);
  secrets.add(value);
  if (secrets.isFull) throw badRequest(`only the CLI can show ${what} with more than ${MOST_SECRETS} secrets or with very long ones`);
  if (secrets.found.length === 0) return readable(value);
  const decrypted = await decryptValues(ctx, path, secrets.found, "secret-decrypted");
  try {
    const plaintexts = new Map(secrets.found.map((text, i) => [text, textOf(decrypted[i]!)]));
    return readable(withPlaintexts(value, plaintexts));
  } catch (error) {
    // Any bytes can be encrypted, but the engine writes values as JSON.
    throw error instanceof StateError ? badRequest(`${what} has a secret that is not JSON, so only the CLI can show it`) : error;
  }
}

/** Decodes JSON text from base64. */
const textOf = (base64: string) => decodeText(fromBase64(base64));
