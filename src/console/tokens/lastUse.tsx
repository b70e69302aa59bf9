import type { AccessToken } from "../../tokens/openapi.ts";
import { Time } from "../components.tsx";

/** The simulator of a local server places every caller in a country. */
const isLoopback = (address: string) => address === "::1" || address.startsWith("127.");

/** The time and origin of a token's last successful use. */
export const LastUse = ({ token }: { token: Pick<AccessToken, "lastUsed" | "lastUsedIP" | "lastUsedCountry"> }) => (
  <>
    <Time at={token.lastUsed === 0 ? null : token.lastUsed * 1000} />
    {token.lastUsedIP && (
      <div class="hint">
        {token.lastUsedIP}
        {token.lastUsedCountry && !isLoopback(token.lastUsedIP) && ` (${token.lastUsedCountry})`}
      </div>
    )}
  </>
);
