import * as z from "zod/mini";
import type { Lease } from "../auth/leaseToken.ts";
import { recordRefusedLease } from "../auth/refusals.ts";
import type { RequestContext } from "../context.ts";
import { AppError } from "../errors.ts";
import { readRoundTrips } from "../metrics/roundTrips.ts";
import { callCoordinator } from "../coordinator/client.ts";
import type { Outcome } from "../coordinator/outcome.ts";

export type LeaseContext = RequestContext & { lease: Lease };

export const RenewUpdateLeaseRequest = z.object({ duration: z.nullish(z.int()) });

/** Renews the lease. The token stays the same, because concurrent requests contain it (cli-protocol §4.5). */
export async function renewLease(ctx: LeaseContext, duration: number | null | undefined, token: string) {
  const seconds = duration ?? 300;
  if (seconds < 0 || seconds > 300) throw new AppError(400, "Renewal duration must be between 0 and 300 seconds");
  const { expiresAt } = await callUnderLease(ctx, (stub) =>
    stub.renew({ updateId: ctx.lease.updateId, seconds, from: { address: ctx.address, country: ctx.country } }),
  );
  return { token, tokenExpiration: Math.floor(expiresAt / 1000) };
}

/**
 * Calls the lease's object, and records a refused lease. It does not record a refusal because of the caller's network.
 * @throws the refusal
 */
export async function callUnderLease<T>(ctx: LeaseContext, call: Parameters<typeof callCoordinator<T>>[2]): Promise<T> {
  try {
    return await callCoordinator(ctx, ctx.lease.coordinator, call);
  } catch (error) {
    if (error instanceof AppError && error.status === 403 && error.reason !== "limited_credential")
      await recordRefusedLease(ctx, ctx.lease);
    throw error;
  }
}

/** The kinds of streams that an object receives, as in its `fetch`. */
type Kind = "journal" | "checkpoint" | "events" | "event" | "log";

/**
 * Forwards a state write or a batch of events to the stack's object as a stream. The client waits for it during a deployment, so it makes
 * one call, one storage write and no look-up (cli-protocol §8.2).
 */
export async function forward(ctx: LeaseContext, kind: Kind, request: Request): Promise<Response> {
  const headers = new Headers();
  for (const name of ["Content-Encoding", "Content-Length"]) {
    const value = request.headers.get(name);
    if (value) headers.set(name, value);
  }
  const url = `https://stack/${kind}/${ctx.lease.updateId}`;
  await callUnderLease(ctx, async (stub) => outcomeIn(await stub.fetch(url, { method: "POST", headers, body: request.body })));
  // Clients accept an empty answer with either status; the contract has 200 for events (cli-protocol §1.5).
  const status = kind === "events" || kind === "event" ? 200 : 204;
  return new Response(null, { status });
}

const outcomeIn = async (response: Response): Promise<Outcome<undefined>> =>
  response.ok ? { ok: true, value: undefined, roundTrips: readRoundTrips(response.headers.get("Server-Timing")) } : response.json();
