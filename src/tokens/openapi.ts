import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { CreatedWith, RevocationReport } from "../lineage/openapi.ts";
import { tokenStates } from "./accessToken.ts";
import { stackRule } from "./schema.ts";
import { disabledReasons } from "./table.ts";

/** The public shape (management-api §3.2), and for machine tokens what is ours alone: clients ignore what they do not know. */
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
  /** Id of the token or session that made it; absent for what an operator's command made. */
  madeWith: z.optional(z.string()),
  displayName: z.optional(z.string()),
  disabledReason: z.optional(z.enum(disabledReasons)),
  /** Absent: every stack that the role opens. */
  stacks: z.optional(z.array(stackRule)),
  ipAllowList: z.optional(z.array(z.string())),
  countryAllowList: z.optional(z.array(z.string())),
  mayRotateItself: z.optional(z.boolean()),
  /** Id of the first token of a line of rotations. */
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

/** What would notice if the token ended now. Times are Unix seconds, 0 for never. */
export const TokenImpact = z.object({
  lastUsed: z.int(),
  lastUsedIP: z.string(),
  lastUsedCountry: z.string(),
  lastUsedBy: z.string(),
  /** Stacks that it changed in the last 90 days, the latest first. */
  stacks: z.array(z.object({ ...stackRef, updates: z.int(), lastUpdate: z.int() })),
  /** What runs under it now. */
  runningUpdates: z.array(z.object({ ...stackRef, updateID: z.string(), kind: z.string(), started: z.int() })),
  /** Living tokens that it was rotated to: they do not end with it. */
  successors: z.array(z.object({ id: z.string(), name: z.string(), expires: z.int() })),
  /** What ends with it by withDescendants. */
  created: CreatedWith,
});
export type TokenImpact = z.infer<typeof TokenImpact>;

const origin = z.object({ value: z.string(), lastUsed: z.int() });

/** Accepted requests by day, and the latest addresses, countries and clients. Exact to a minute, see `touch`. */
export const TokenUsage = z.object({
  days: z.array(z.object({ day: z.string(), requests: z.int() })),
  addresses: z.array(origin),
  countries: z.array(origin),
  clients: z.array(origin),
});
export type TokenUsage = z.infer<typeof TokenUsage>;

/** What a deletion can be relied on for. Times are RFC 3339 in UTC; `lastUsed` is Unix seconds, as everywhere. */
export const RevocationReceipt = z.object({
  tokenId: z.string(),
  name: z.string(),
  /** The deletion was committed at this moment or before it: no write, decryption or export was accepted after it. */
  committedBy: z.string(),
  /** No cached identity passes a read after this. */
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
    summary: "The organization's tokens, newest first",
    answers: { 200: ListAccessTokensResponse },
  },
  CreateOrgToken: {
    tags: ["Organizations", "AccessTokens"],
    summary: "A machine credential of the organization; its value is shown once",
    answers: { 200: CreateAccessTokenResponse },
  },
  DeleteOrgToken: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Ends a token at once and for good; with withDescendants everything that it made too",
    answers: { 200: RevocationReport, 204: null },
  },
  ListOrgTokensWithRole: {
    tags: ["Organizations"],
    summary: "The organization's tokens with a role, newest first",
    answers: { 200: ListAccessTokensResponse },
  },
  ListPersonalTokens: {
    tags: ["Users", "AccessTokens"],
    summary: "The caller's own tokens, newest first",
    answers: { 200: ListAccessTokensResponse },
  },
  CreatePersonalToken: {
    tags: ["Users", "AccessTokens"],
    summary: "A token with the caller's rights; its value is shown once",
    answers: { 200: CreateAccessTokenResponse },
  },
  DeletePersonalToken: {
    tags: ["Users", "AccessTokens"],
    summary: "Ends one of the caller's own tokens; with withDescendants everything that it made too",
    answers: { 200: RevocationReport, 204: null },
  },

  GetOrgToken: { tags: ["Organizations", "AccessTokens"], summary: "One token, a deleted one too", answers: { 200: AccessToken } },
  UpdateOrgToken: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Changes display name, description, expiry and limits",
    answers: { 200: AccessToken },
  },
  DisableOrgToken: { tags: ["Organizations", "AccessTokens"], summary: "Switches a token off at once", answers: { 200: AccessToken } },
  EnableOrgToken: { tags: ["Organizations", "AccessTokens"], summary: "Switches a token on again", answers: { 200: AccessToken } },
  RotateOrgToken: {
    tags: ["Organizations", "AccessTokens"],
    summary: "A successor with the same rights, shown once; both work for the overlap",
    answers: { 200: RotateAccessTokenResponse },
  },
  RotateThisToken: {
    tags: ["Users", "AccessTokens"],
    summary: "The calling token rotates itself, if it was created with that permission",
    answers: { 200: RotateAccessTokenResponse },
  },
  GetOrgTokenImpact: {
    tags: ["Organizations", "AccessTokens"],
    summary: "What would notice if the token ended now, and what it made",
    answers: { 200: TokenImpact },
  },
  GetPersonalTokenImpact: {
    tags: ["Users", "AccessTokens"],
    summary: "What would notice if one of the caller's own tokens ended now, and what it made",
    answers: { 200: TokenImpact },
  },
  GetOrgTokenUsage: {
    tags: ["Organizations", "AccessTokens"],
    summary: "Requests by day, and the latest addresses, countries and clients",
    answers: { 200: TokenUsage },
  },
  GetOrgTokenRevocation: {
    tags: ["Organizations", "AccessTokens"],
    summary: "The receipt of a deletion: committed when, and how long a cached read could pass",
    answers: { 200: RevocationReceipt },
  },
  ReportTokenLeak: {
    tags: ["AccessTokens"],
    summary: "Ends a token that was found; the answer is the same for what is none",
    answers: { 200: LeakReportTaken },
  },
  ReportTokenLeaks: {
    tags: ["AccessTokens"],
    summary: "The same for a secret scanner that signs its reports, many at once",
    answers: { 200: LeakReportTaken },
  },
} satisfies Operations;
