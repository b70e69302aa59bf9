import type { AppError } from "../errors.ts";
import { toErrorBody } from "./fault.ts";

/** Every answer has the media type of SCIM, also an error (identity-facts C-15, C-16). */
export const scimJson = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/scim+json", ...headers } });

export const nothing = (status = 204, headers: Record<string, string> = {}): Response => new Response(null, { status, headers });

export const scimError = (error: AppError): Response => {
  const challenge: Record<string, string> = error.status === 401 ? { "WWW-Authenticate": 'Bearer realm="scim"' } : {};
  return scimJson(toErrorBody(error), error.status, { ...challenge, ...error.headers });
};
