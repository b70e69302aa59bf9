import type { AccessToken } from "../../tokens/openapi.ts";
import { Time } from "../components.tsx";

/** When a token was last used with success, and from where. */
export const LastUse = ({ token }: { token: Pick<AccessToken, "lastUsed" | "lastUsedIP" | "lastUsedCountry"> }) => (
  <>
    <Time at={token.lastUsed === 0 ? null : token.lastUsed * 1000} />
    {token.lastUsedIP && (
      <div class="hint">
        {token.lastUsedIP}
        {token.lastUsedCountry && ` (${token.lastUsedCountry})`}
      </div>
    )}
  </>
);
