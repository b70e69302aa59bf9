import type { Context } from "hono";
import * as z from "zod/mini";
import type { RequestContext } from "../context.ts";
import { badRequest } from "../errors.ts";
import { findPerson } from "./account.ts";
import type { Person } from "./claims.ts";
import { type Into, enter } from "./enter.ts";
import type { Provider } from "./provider.ts";
import { keepSealed } from "./seal.ts";

/** Maximum number of characters of the page after the sign-in: it is kept in a cookie. */
export const MOST_NEXT = 1000;

/** The contents of the sealed cookie in each step of a sign-in. */
export const departureParts = {
  id: z.string(),
  /** Null: a provider of the deployment. */
  orgName: z.nullable(z.string()),
  providerId: z.string(),
  next: z.string(),
  endsAt: z.number(),
};

/** The contents of the sealed cookie once the provider has said who the person is. */
export const arrivalParts = {
  ...departureParts,
  /** The version of the connection whose answer was verified. */
  version: z.number(),
  person: z.object({
    subject: z.string(),
    email: z.string(),
    isVerified: z.boolean(),
    name: z.string(),
    userName: z.string(),
    session: z.string(),
    mapped: z.nullable(z.array(z.number())),
    sessionEndsAt: z.optional(z.number()),
  }),
};

export const departureTo = (provider: Pick<Provider, "org" | "id">, next: string) => ({
  id: crypto.randomUUID(),
  orgName: provider.org?.name ?? null,
  providerId: provider.id,
  next: next.length > MOST_NEXT ? "/" : next,
});

/** The part of a path that names whose provider it is: an organization, or `~NAME` for a provider of the deployment. */
export const placeOf = ({ org, id }: Pick<Provider, "org" | "id">) => org?.name ?? `~${id.slice("deployment-".length)}`;

export const startAgain = () =>
  badRequest(
    "this sign-in was not begun in this browser, is already finished, or took longer than ten minutes. Begin again on the sign-in page",
  );

/** A session was opened, or the person has to say which account is meant. */
export type Arrival = { cookie: string; next: string } | "first";

/** Opens a session for a person whom the provider has named, or keeps the person for the question of the first sign-in. @throws 403, 409 */
export async function admit(ctx: RequestContext, c: Context, provider: Provider, person: Person, next: string): Promise<Arrival> {
  const found = await findPerson(ctx, provider, person);
  const into: Into | undefined = found.known
    ? { how: "known", ...found.known }
    : found.provisioned && { how: "provisioned", account: found.provisioned };
  if (into) return { cookie: await enter(ctx, provider, person, found, into), next };
  await keepSealed(ctx, c, "first", { ...departureTo(provider, next), version: provider.version, person });
  return "first";
}
