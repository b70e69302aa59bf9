import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { CreatedWith, RevocationReport } from "../lineage/openapi.ts";
import { tokenStates } from "./accessToken.ts";
import { stackRule } from "./schema.ts";
import { disabledReasons } from "./table.ts";

/** The public shape (management-api §3.2), and for machine tokens our own members: clients ignore unknown members. */
export const AccessToken = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  created: z.string(),
  createdBy: z.string(),
  lastUsed: z.int(),
  expires: z.int(),
  admin: z.boolean(),
  role: z.optional(z.object({ id: z.string(), name: z.string(), defaultIdentifier: z.string() })),
  type: z.enum(["personal", "organization", "team"]),
  status: z.enum(tokenStates),
  /** Id of the token or session that created it; absent for a token that an operator's command created. */
  madeWith: z.optional(z.string()),
  /** Of an exchanged token: id of the identity provider, and the subject of its token. */
  issuer: z.optional(z.string()),
  subject: z.optional(z.string()),
  displayName: z.optional(z.string()),
  disabledReason: z.optional(z.enum(disabledReasons)),
  /** Absent: every stack that the role allows. */
  stacks: z.optional(z.array(stackRule)),
  ipAllowList: z.optional(z.array(z.string())),
  countryAllowList: z.optional(z.array(z.string())),
  mayRotateItself: z.optional(z.boolean()),
  /** Id of the first token of its family. */
  family: z.optional(z.string()),
  generation: z.optional(z.int()),
  rotatedFrom: z.optional(z.string()),
  successor: z.optional(z.string()),
  /** Unix seconds: end of the overlap with the successor. */
  overlapEnds: z.optional(z.int()),
  lastUsedIP: z.optional(z.string()),
  lastUsedCountry: z.optional(z.string()),
  lastUsedBy: z.optional(z.string()),
});
export type AccessToken = z.infer<typeof AccessToken>;

export const ListAccessTokensResponse = z.object({ tokens: z.array(AccessToken), continuationToken: z.optional(z.string()) });

export const CreateAccessTokenResponse = z.object({ id: z.string(), tokenValue: z.string() });

export const RotateAccessTokenResponse = z.object({
  id: z.string(),
  tokenValue: z.string(),
  name: z.string(),
  expires: z.int(),
  rotatedFrom: z.string(),
  /** Unix seconds. */
  overlapEnds: z.int(),
});

const stackRef = { orgName: z.string(), projectName: z.string(), stackName: z.string() };

/** The effects that the end of the token would have. Times are Unix seconds, 0 for never. */
export const TokenImpact = z.object({
  lastUsed: z.int(),
  lastUsedIP: z.string(),
  lastUsedCountry: z.string(),
  lastUsedBy: z.string(),
  /** Stacks that it changed in the last 90 days, the latest first. */
  stacks: z.array(z.object({ ...stackRef, updates: z.int(), lastUpdate: z.int() })),
  /** Running updates of the token. */
  runningUpdates: z.array(z.object({ ...stackRef, updateID: z.string(), kind: z.string(), started: z.int() })),
  /** Valid tokens that it was rotated to: they do not end with it. */
  successors: z.array(z.object({ id: z.string(), name: z.string(), expires: z.int() })),
  /** Everything that ends with it if `withDescendants` is set. */
  created: CreatedWith,
});
export type TokenImpact = z.infer<typeof TokenImpact>;

const origin = z.object({ value: z.string(), lastUsed: z.int() });

/** Accepted requests by day, and the latest addresses, countries, clients and networks. Exact to a minute, see `touch`. */
export const TokenUsage = z.object({
  days: z.array(z.object({ day: z.string(), requests: z.int() })),
  addresses: z.array(origin),
  countries: z.array(origin),
  clients: z.array(origin),
  /** The /24 of an IPv4 address, and the /48 of an IPv6 address. */
  networks: z.array(origin),
});
export type TokenUsage = z.infer<typeof TokenUsage>;

/** The receipt of a deletion. Times are RFC 3339 in UTC; `lastUsed` is Unix seconds, as everywhere. */
export const RevocationReceipt = z.object({
  tokenId: z.string(),
  name: z.string(),
  /** The deletion was committed at or before this time: no later write, decryption or export was accepted. */
  committedBy: z.string(),
  /** No read with a cached identity is accepted after this time. */
  cachedReadsEndBy: z.string(),
  /** Last accepted use, 0 for never; exact to 60 seconds. */
  lastUsed: z.int(),
});
export type RevocationReceipt = z.infer<typeof RevocationReceipt>;

export const LeakReportTaken = z.object({ message: z.string() });
export type LeakReportTaken = z.infer<typeof LeakReportTaken>;

export const tokenOperations = {
  ListOrgTokens: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Lists the organization's tokens, newest first",
    answers: { 200: ListAccessTokensResponse },
  },
  CreateOrgToken: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Creates an organization token; its value is shown once",
    answers: { 200: CreateAccessTokenResponse },
  },
  DeleteOrgToken: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Deletes a token immediately and permanently; with withDescendants also everything created with it",
    answers: { 200: RevocationReport, 204: null },
  },
  ListOrgTokensWithRole: {
    tags: ["Organizations"],
    summary: "Lists the organization's tokens with a role, newest first",
    answers: { 200: ListAccessTokensResponse },
  },
  ListPersonalTokens: {
    tags: ["Users", "AccessTokens"],
    summary: "Lists the caller's own tokens, newest first",
    answers: { 200: ListAccessTokensResponse },
  },
  CreatePersonalToken: {
    tags: ["Users", "AccessTokens"],
    summary: "Creates a token with the caller's permissions; its value is shown once",
    answers: { 200: CreateAccessTokenResponse },
  },
  DeletePersonalToken: {
    tags: ["Users", "AccessTokens"],
    summary: "Deletes one of the caller's own tokens; with withDescendants also everything created with it",
    answers: { 200: RevocationReport, 204: null },
  },

  GetOrgToken: { tags: ["Organizations", "AccessTokens"], summary: "Returns a token, also a deleted one", answers: { 200: AccessToken } },
  UpdateOrgToken: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Changes a token's role, display name, description, expiry and limits",
    answers: { 200: AccessToken },
  },
  DisableOrgToken: { tags: ["Organizations", "AccessTokens"], summary: "Disables a token immediately", answers: { 200: AccessToken } },
  EnableOrgToken: { tags: ["Organizations", "AccessTokens"], summary: "Enables a disabled token", answers: { 200: AccessToken } },
  RotateOrgToken: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Rotates a token: creates a successor with the same permissions; both are valid during the overlap",
    answers: { 200: RotateAccessTokenResponse },
  },
  RotateThisToken: {
    tags: ["Users", "AccessTokens"],
    summary: "Rotates the calling token, if it was created with that permission",
    answers: { 200: RotateAccessTokenResponse },
  },
  GetOrgTokenImpact: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Lists stacks and running updates that use the token, and everything created with it",
    answers: { 200: TokenImpact },
  },
  GetPersonalTokenImpact: {
    tags: ["Users", "AccessTokens"],
    summary: "Lists stacks and running updates that use one of the caller's own tokens, and everything created with it",
    answers: { 200: TokenImpact },
  },
  GetOrgTokenUsage: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Counts a token's requests by day, and lists its latest addresses, networks, countries and clients",
    answers: { 200: TokenUsage },
  },
  GetOrgTokenRevocation: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Returns the receipt of a deletion: its time, and until when cached reads were possible",
    answers: { 200: RevocationReceipt },
  },
  ReportTokenLeak: {
    tags: ["AccessTokens"],
    summary: "Disables a leaked token; the answer does not reveal whether the token exists",
    answers: { 200: LeakReportTaken },
  },
  ReportTokenLeaks: {
    tags: ["AccessTokens"],
    summary: "Disables leaked tokens that a secret scanner reports with a signature",
    answers: { 200: LeakReportTaken },
  },
} satisfies Operations;
