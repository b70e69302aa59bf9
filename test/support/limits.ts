import type { TokenLimits } from "../../src/context.ts";

/** Those of a token that may be used anywhere, for ever, on everything. */
export const noLimits: TokenLimits = {
  version: 0,
  expiresAt: null,
  isExempt: false,
  isExchanged: false,
  onlyOrgId: null,
  stackRules: null,
  allowedCidrs: [],
  allowedCountries: [],
  retiresAt: null,
  successor: "",
};

/** No rights but those of the built-in role. */
export const noRights = { custom: null, ofTeams: [], hasStackGrants: false };
