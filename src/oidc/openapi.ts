import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { stackRule } from "../tokens/schema.ts";
import { AccessToken } from "../tokens/openapi.ts";
import { exchangedKinds } from "./table.ts";

const PublicKey = z.object({
  kty: z.string(),
  kid: z.optional(z.string()),
  use: z.optional(z.string()),
  alg: z.optional(z.string()),
  n: z.optional(z.string()),
  e: z.optional(z.string()),
  crv: z.optional(z.string()),
  x: z.optional(z.string()),
  y: z.optional(z.string()),
});

export const Issuer = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  issuer: z.string(),
  thumbprints: z.array(z.string()),
  /** The keys, if an administrator registered them. */
  jwks: z.optional(z.object({ keys: z.array(PublicKey) })),
  /** Seconds. */
  maxExpiration: z.int(),
  created: z.string(),
  modified: z.string(),
  lastUsed: z.optional(z.string()),
  /** Accepted values of `aud`, besides the organization's and the deployment's. */
  audiences: z.array(z.string()),
  /** Whether each token can be exchanged only once. */
  singleUse: z.boolean(),
  /** Whether exchanged tokens end when the issuer is deleted or its policy allows less. */
  endsSessions: z.boolean(),
  /** When the revocation of the token that set up the issuer disabled it. Setting its policy again enables it. */
  disabled: z.optional(z.string()),
});
export type Issuer = z.infer<typeof Issuer>;

const Warning = z.object({
  /** Position of the definition in the policy, from 0. */
  policy: z.int(),
  message: z.string(),
});

export const AuthPolicy = z.object({
  id: z.string(),
  version: z.int(),
  created: z.string(),
  modified: z.string(),
  policies: z.array(
    z.object({
      decision: z.enum(["allow", "deny"]),
      tokenType: z.enum(exchangedKinds),
      teamName: z.optional(z.string()),
      userLogin: z.optional(z.string()),
      roleID: z.optional(z.string()),
      authorizedPermissions: z.array(z.string()),
      rules: z.record(z.string(), z.string()),
      /** Patterns may contain claims: `{repository_name}`. */
      stacks: z.optional(z.array(z.extend(stackRule, { project: z.string(), stack: z.string() }))),
    }),
  ),
  /** Definitions that admit more than they seem to. */
  warnings: z.optional(z.array(Warning)),
});
export type AuthPolicy = z.infer<typeof AuthPolicy>;

export const IssuerWithPreset = z.extend(Issuer, {
  /** The policy that the preset created. */
  policy: z.optional(AuthPolicy),
  /** A file for the pipeline, to be pasted. */
  pipeline: z.optional(z.string()),
});
export type IssuerWithPreset = z.infer<typeof IssuerWithPreset>;

/** RFC 8693 §2.2.1. */
const ExchangedToken = z.object({
  access_token: z.string(),
  issued_token_type: z.string(),
  token_type: z.literal("token"),
  expires_in: z.int(),
  scope: z.string(),
});
export type ExchangedToken = z.infer<typeof ExchangedToken>;

const Session = z.extend(AccessToken, {
  /** Address of the run that the token was exchanged in, if its claims contain it. */
  run: z.optional(z.string()),
  team: z.optional(z.string()),
  userLogin: z.optional(z.string()),
});
export type Session = z.infer<typeof Session>;
export const ListSessionsResponse = z.object({ sessions: z.array(Session), continuationToken: z.optional(z.string()) });
export type ListSessionsResponse = z.infer<typeof ListSessionsResponse>;

const RuleOutcome = z.object({ claim: z.string(), pattern: z.string(), values: z.array(z.string()), matches: z.boolean() });
export const TestResult = z.object({
  /** `valid`, `not checked` for claims without a token, or what is wrong with the token. */
  token: z.string(),
  claims: z.record(z.string(), z.unknown()),
  /** Whether one of the audiences is accepted. */
  audienceMatches: z.boolean(),
  policies: z.array(
    z.object({
      decision: z.enum(["allow", "deny"]),
      /** Whether the definition is about the kind of token that was asked for. */
      applies: z.boolean(),
      matches: z.boolean(),
      rules: z.array(RuleOutcome),
    }),
  ),
  allowed: z.boolean(),
  /** Why an exchange would be refused. */
  reason: z.optional(z.string()),
  /** The token that would be issued. */
  wouldIssue: z.optional(
    z.object({
      name: z.string(),
      tokenType: z.enum(exchangedKinds),
      roleID: z.optional(z.string()),
      stacks: z.optional(z.array(stackRule)),
      expiresIn: z.int(),
    }),
  ),
});
export type TestResult = z.infer<typeof TestResult>;

const tags = ["Organizations", "OidcIssuers"];

export const oidcOperations = {
  List_orgs_oidc_issuers: {
    tags,
    summary: "Lists the identity providers whose tokens can be exchanged for access tokens",
    answers: { 200: z.object({ oidcIssuers: z.array(Issuer) }) },
  },
  RegisterOidcIssuer: {
    tags,
    summary: "Adds an identity provider with a policy that allows nothing yet, or the policy of a preset",
    answers: { 200: IssuerWithPreset },
  },
  GetOidcIssuer: { tags, summary: "Returns an identity provider", answers: { 200: Issuer } },
  UpdateOidcIssuer: {
    tags,
    summary: "Changes an identity provider; its URL stays",
    answers: { 200: Issuer },
  },
  DeleteOidcIssuer: {
    tags,
    summary: "Deletes an identity provider, and ends the tokens that were exchanged for its tokens",
    answers: { 204: null },
  },
  RegenerateThumbprints: {
    tags,
    summary: "Reads the keys of an identity provider again; the thumbprints stay",
    answers: { 200: Issuer },
  },
  GetAuthPolicy: { tags, summary: "Returns the policy of an identity provider", answers: { 200: AuthPolicy } },
  UpdateAuthPolicy: {
    tags: ["Organizations"],
    summary: "Replaces the policy of an identity provider",
    answers: { 200: AuthPolicy },
  },
  Token: {
    tags: ["Miscellaneous", "OAuthTokenExchange"],
    summary: "Exchanges an identity provider's token for an access token (RFC 8693)",
    answers: { 200: ExchangedToken },
  },
  TestOidcIssuer: {
    tags,
    summary: "Shows what an exchange of a token or of claims would do, and issues nothing",
    answers: { 200: TestResult },
  },
  ListOidcSessions: {
    tags,
    summary: "Lists the exchanged tokens of an identity provider that are valid, newest first",
    answers: { 200: ListSessionsResponse },
  },
  EndOidcSession: { tags, summary: "Ends an exchanged token immediately", answers: { 204: null } },
  EndOidcSessions: { tags, summary: "Ends all exchanged tokens of an identity provider immediately", answers: { 204: null } },
} satisfies Operations;
