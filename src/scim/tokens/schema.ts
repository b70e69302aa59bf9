import * as z from "zod/mini";
import { expires, tokenName } from "../../tokens/schema.ts";

export const CreateScimTokenRequest = z.object({ name: tokenName, expires });

export const UpdateScimSettingsRequest = z.object({
  restoresTokens: z.nullish(z.boolean()),
  deletesTeams: z.nullish(z.boolean()),
});
