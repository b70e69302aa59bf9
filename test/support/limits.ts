import type { TokenLimits } from "../../src/context.ts";

/** The limits of a token that may be used from anywhere, without end, on everything. */
export const noLimits: TokenLimits = {
  version: 0,
  expiresAt: null,
  isExempt: false,
  isSession: false,
  isExchanged: false,
  onlyOrgId: null,
  stackRules: null,
  allowedCidrs: [],
  allowedCountries: [],
  retiresAt: null,
  successor: "",
};

/** Only the rights of the built-in role. */
export const noRights = { custom: null, ofTeams: [], hasStackGrants: false };
