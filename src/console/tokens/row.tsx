import type { Child } from "hono/jsx";
import { cut } from "../../http/pageText.ts";
import type { AccessToken } from "../../tokens/openapi.ts";
import { SOON_DAYS } from "../../tokens/overview.ts";
import { Badge, Time } from "../components.tsx";
import { LastUse } from "./lastUse.tsx";

interface Props {
  token: AccessToken;
  now: number;
  /** The page of the token, if it has one. */
  href?: string;
  /** Cells after the name, and after the state. */
  afterName?: Child;
  afterState?: Child;
}

/** A row of a table of access tokens: name, creation, last use, expiry and state. */
export const TokenRow = ({ token, now, href, afterName, afterState }: Props) => (
  <tr>
    <th scope="row">
      {href ? <a href={href}>{token.name}</a> : token.name}
      {token.description && <div class="hint">{cut(token.description, 255)}</div>}
    </th>
    {afterName}
    <td>
      <Time at={Date.parse(token.created)} />
      <div class="hint">by {token.createdBy}</div>
    </td>
    <td>
      <LastUse token={token} />
    </td>
    <td>
      <Time at={token.expires === 0 ? null : token.expires * 1000} exact />
    </td>
    <td>
      <State token={token} />
      <Near token={token} now={now} />
    </td>
    {afterState}
  </tr>
);

const DAY = 86_400;

/** Warnings about an active token for the reader of a list. @param now milliseconds since 1970 */
export const Near = ({ token: { status, admin, expires, lastUsed, overlapEnds }, now }: { token: AccessToken; now: number }) => {
  if (status !== "active") return null;
  const end = Math.min(expires || Infinity, overlapEnds ?? Infinity);
  const days = Math.floor((end - now / 1000) / DAY);
  return (
    <>
      {days < SOON_DAYS && (
        <span class="line">
          <Badge kind="warning">{days < 1 ? "expires within a day" : `expires in ${days} day${days === 1 ? "" : "s"}`}</Badge>
        </span>
      )}
      {lastUsed === 0 && (
        <span class="line">
          <Badge>never used</Badge>
        </span>
      )}
      {admin && (
        <span class="line">
          <Badge kind="warning">admin</Badge>
        </span>
      )}
    </>
  );
};

const kinds = { active: "good", expired: undefined, disabled: "warning", rotated: undefined, deleted: "bad" } as const;

export const State = ({ token }: { token: AccessToken }) => {
  const kind = kinds[token.status];
  const overlapping = token.status === "active" && token.overlapEnds !== undefined;
  return <Badge {...(overlapping ? { kind: "warning" as const } : kind && { kind })}>{overlapping ? "being rotated" : token.status}</Badge>;
};
