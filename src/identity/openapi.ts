import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";

const Discovery = z.object({
  issuer: z.string(),
  jwks_uri: z.string(),
  response_types_supported: z.array(z.string()),
  subject_types_supported: z.array(z.string()),
  id_token_signing_alg_values_supported: z.array(z.string()),
  claims_supported: z.array(z.string()),
});
export type Discovery = z.infer<typeof Discovery>;

const KeySet = z.object({
  keys: z.array(z.object({ kty: z.string(), kid: z.string(), use: z.string(), alg: z.string(), n: z.string(), e: z.string() })),
});
export type KeySet = z.infer<typeof KeySet>;

const tags = ["Miscellaneous"];

export const identityOperations = {
  GetOpenIdConfiguration: {
    tags,
    summary: "Describes the deployment as an issuer of tokens, for services that trust it (OpenID Connect Discovery)",
    answers: { 200: Discovery },
  },
  GetSigningKeys: { tags, summary: "Returns the public keys of the deployment's own tokens (JWKS)", answers: { 200: KeySet } },
} satisfies Operations;
