import type { RequestContext } from "../context.ts";
import type { Bindings } from "../env.ts";
import { unauthorized } from "../errors.ts";
import { countFailure, credentialIn } from "./authenticate.ts";
import { LEAST_SECRET } from "./secret.ts";

const encoder = new TextEncoder();

/** The setting `OPERATOR_TOKEN`: one or two values separated by a comma. A value that is too short is ignored. */
export const operatorTokensOf = (env: Bindings): string[] =>
  (env.OPERATOR_TOKEN ?? "")
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token.length >= LEAST_SECRET);

/**
 * Authenticates the operator by the deployment's own credential. It belongs to no organization. @throws 401
 */
export async function enterAsOperator(ctx: RequestContext, header: string | undefined): Promise<void> {
  if (!(await isOperator(ctx, await credentialIn(ctx, header)))) throw await countFailure(ctx, unauthorized("unknown_credential"));
}

/** Whether a value is the credential of the operator. Without the setting no value is accepted. */
export async function isOperator({ env }: RequestContext, value: string): Promise<boolean> {
  const digested = await digest(value);
  let known = false;
  // Both values are compared, each in constant time.
  for (const token of operatorTokensOf(env)) known = crypto.subtle.timingSafeEqual(digested, await digest(token)) || known;
  return known;
}

const digest = (text: string) => crypto.subtle.digest("SHA-256", encoder.encode(text));
