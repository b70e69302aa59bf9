import * as z from "zod/mini";
import { patternFault } from "../auth/stackRules.ts";
import { id, list, mapOf, text, unread } from "../http/bounded.ts";
import { stackAccesses } from "../tokens/table.ts";
import { namesIn } from "./claims.ts";
import { MOST_KEYS, secretMembers } from "./keys.ts";
import { presetKinds } from "./presets.ts";
import { claimsIn, withClaims } from "./stacks.ts";
import { exchangedKinds } from "./table.ts";

/** Longest lifetime of an exchanged token, and the lifetime for an issuer without a setting of its own (management-api §10.3). Seconds. */
export const LONGEST = 7 * 86_400;
export const USUAL_MAX_EXPIRATION = 90_000;

const name = text(100, "an issuer name has 1 to 100 characters").check(z.minLength(1, "the issuer name is required"));
const PRIVATE = "a key must not have private members: register the public keys only";

/** Members of a key that no signature needs are left out. */
const key = z.object({
  kty: text(10),
  ...Object.fromEntries(["kid", "use", "alg", "n", "e", "crv", "x", "y"].map((member) => [member, z.optional(text(2000))])),
  ...Object.fromEntries(secretMembers.map((member) => [member, z.optional(z.never(PRIVATE))])),
});
const jwks = z.object({ keys: list(key, MOST_KEYS) });

/** SHA-256, or SHA-1 as older documents say (management-api §10.1). They are stored and returned: a Worker cannot see a certificate. */
const thumbprint = z.pipe(
  text(64, "a thumbprint is a SHA-256 fingerprint in hexadecimal digits").check(
    z.regex(/^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$/, "a thumbprint is a SHA-256 fingerprint in hexadecimal digits"),
  ),
  z.transform((digits) => digits.toLowerCase()),
);

const changeable = {
  thumbprints: z.nullish(list(thumbprint, 20)),
  maxExpiration: z.nullish(z.int().check(z.minimum(0), z.maximum(LONGEST, `maxExpiration is at most ${LONGEST} seconds`))),
  jwks: z.nullish(jwks),
  audiences: z.nullish(list(text(500), 20)),
  singleUse: z.nullish(z.boolean()),
  endsSessions: z.nullish(z.boolean()),
};

const optionalName = z.nullish(text(200));

const stackPattern = text(100).check(
  z.superRefine((written, context) => {
    const fault = claimsIn(written).some((claim) => namesIn(claim) === undefined)
      ? "a claim in a pattern is a path such as {repository_name}"
      : patternFault(withClaims(written, () => "x"));
    if (fault) context.addIssue({ code: "custom", message: fault });
  }),
);
const stacks = list(
  z.object({ project: stackPattern, stack: z._default(stackPattern, "*"), access: z._default(z.enum(stackAccesses), "write") }),
  20,
);

/** The fields of a pipeline, from which a preset makes an issuer with a strict policy. */
export const Preset = z.object({
  kind: z.enum(presetKinds),
  /** For a provider whose address depends on the installation. */
  url: optionalName,
  owner: text(200),
  repository: text(200),
  branch: optionalName,
  environment: optionalName,
  /** Ids of the owner and of the repository, which no other account can take over. */
  ownerId: optionalName,
  repositoryId: optionalName,
  /** The role, the team or the stacks of the exchanged tokens. */
  roleID: z.nullish(id),
  teamName: optionalName,
  stacks: z.nullish(stacks),
});

export const RegisterIssuerRequest = z.object({ name, url: z.nullish(text(500)), ...changeable, preset: z.nullish(Preset) });

export const UpdateIssuerRequest = z.object({
  name: z.string("the issuer name is required").check(z.maxLength(100), z.minLength(1, "the issuer name is required")),
  ...changeable,
});

const claimPath = text(500).check(
  z.refine((path) => namesIn(path) !== undefined, 'a claim is a path such as sub or "kubernetes.io".namespace: quote a name with dots'),
);

export const PolicyDefinition = z.object({
  decision: z.enum(["allow", "deny"]),
  tokenType: z.enum(exchangedKinds, "tokenType is organization, team or personal: runner tokens are not supported"),
  teamName: optionalName,
  userLogin: optionalName,
  runnerID: optionalName,
  roleID: optionalName,
  authorizedPermissions: z.nullish(list(z.enum(["admin", "standard"]), 2)),
  rules: z.nullish(mapOf(text(500, "a pattern has at most 500 characters"), claimPath, 50)),
  stacks: z.nullish(stacks),
});

export const UpdatePolicyRequest = z.object({ policies: list(PolicyDefinition, 100) });

/** Either a token, or claims without a signature. */
export const TestIssuerRequest = z.object({
  token: z.nullish(text(20_000)),
  claims: z.nullish(mapOf(unread(z.unknown()), text(500), 500)),
  tokenType: z.nullish(z.enum(exchangedKinds)),
  scope: z.nullish(text(300)),
  expiration: z.nullish(z.int().check(z.minimum(1))),
});
