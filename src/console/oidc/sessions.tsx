import { requireRight } from "../../auth/right.ts";
import { cut } from "../../http/pageText.ts";
import type { Session } from "../../oidc/openapi.ts";
import { ListSessionsQuery, countSessions, endAllSessions, endSession, getSession, listSessions } from "../../oidc/sessions.ts";
import { readQuery } from "../attempt.ts";
import { Empty, More, Table, Time } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { LastUse } from "../tokens/lastUse.tsx";
import { ISSUER_PAGE, type IssuerContext, idIn, issuerFor, issuerPath, issuerView } from "./frame.tsx";

/** Maximum number of rows of a page, so that no page is over 100 KB. */
const PAGE_SIZE = "50";

const SESSIONS = `${ISSUER_PAGE}/sessions` as const;
const tokenIn = ({ page }: IssuerContext) => page.params["tokenId"] ?? "";

/** The exchanged tokens of an issuer that are valid, each with a way to end it. */
export const oidcSessionPages = [
  definePage("GET", SESSIONS, "oidc_issuers:read", (ctx) => listView(ctx)),

  definePage("GET", `${SESSIONS}/end`, "oidc_issuers:update", async (ctx) => {
    const issuer = await issuerFor(ctx);
    const count = await countSessions(ctx, issuer.id);
    return ending(ctx, `End all sessions of ${issuer.name}`, issuerPath(ctx, "sessions", "end"), [
      `${count} exchanged ${count === 1 ? "token ends" : "tokens end"} at once. Pipelines that run now lose their access.`,
      "The identity provider and its policies stay, so its next pipelines get new tokens.",
    ]);
  }),
  definePage("POST", `${SESSIONS}/end`, "oidc_issuers:update", async (ctx) => {
    await endAllSessions(ctx, idIn(ctx));
    return { to: issuerPath(ctx, "sessions"), said: "All sessions of this identity provider were ended." };
  }),

  definePage("GET", `${SESSIONS}/:tokenId/end`, "oidc_issuers:update", async (ctx) => {
    await requireRight(ctx, "oidc_issuers:read");
    const session = await getSession(ctx, idIn(ctx), tokenIn(ctx));
    return ending(ctx, `End the session ${cut(session.name, 600)}`, issuerPath(ctx, "sessions", session.id, "end"), [
      `${ownerOf(session)} ends at once. The pipeline loses its access.`,
      "If the pipeline asks again, it gets a new token.",
    ]);
  }),
  definePage("POST", `${SESSIONS}/:tokenId/end`, "oidc_issuers:update", async (ctx) => {
    await endSession(ctx, idIn(ctx), tokenIn(ctx));
    return { to: issuerPath(ctx, "sessions"), said: "The session was ended." };
  }),
];

function ending(ctx: IssuerContext, title: string, action: string, effects: string[]): View {
  return {
    title,
    at: "oidc",
    body: (
      <section class="narrow">
        <h1>{title}?</h1>
        {effects.map((effect) => (
          <p>{effect}</p>
        ))}
        <p>
          Its running updates are finished or canceled, as <a href={placePath(ctx.org.name, "settings")}>the settings</a> say.
        </p>
        <form method="post" action={action}>
          <button class="danger">End</button> <a href={issuerPath(ctx, "sessions")}>Cancel</a>
        </form>
      </section>
    ),
  };
}

function ownerOf({ type, team, userLogin, role }: Session): string {
  if (type === "team") return `Token of the team ${cut(team ?? "", 300)}`;
  if (type === "personal") return `Personal token of ${cut(userLogin ?? "", 300)}`;
  return `Organization token${role ? `, ${cut(role.name, 300)}` : ""}`;
}

async function listView(ctx: IssuerContext): Promise<View> {
  const { page } = ctx;
  const issuer = await issuerFor(ctx);
  const query = { maxResults: PAGE_SIZE, continuationToken: page.query.get("continuationToken") || undefined };
  const { sessions, continuationToken } = await listSessions(ctx, issuer.id, readQuery(ListSessionsQuery, query));
  const mayEnd = page.may("oidc_issuers:update");
  return issuerView({
    ctx,
    issuer,
    at: "sessions",
    title: "Sessions",
    children: (
      <>
        <div class="heading">
          <p class="faint">The valid access tokens that were exchanged for tokens of this identity provider.</p>
          {mayEnd && sessions.length > 0 && (
            <a class="button danger" href={issuerPath(ctx, "sessions", "end")}>
              End all…
            </a>
          )}
        </div>
        {sessions.length === 0 ? (
          <Empty>
            <p>No exchanged token is valid now.</p>
          </Empty>
        ) : (
          <Table caption="Sessions" head={["Pipeline", "Token", "Exchanged", "Last used", "Ends", ...(mayEnd ? ["End"] : [])]}>
            {sessions.map((session) => (
              <tr>
                <th scope="row">
                  {cut(session.name, 300)}
                  <div class="hint anywhere">{cut(session.subject ?? "", 350)}</div>
                  {session.run && /^https?:\/\//.test(session.run) && (
                    <div class="hint">
                      <a href={session.run} rel="noreferrer">
                        The run
                      </a>
                    </div>
                  )}
                </th>
                <td>{ownerOf(session)}</td>
                <td>
                  <Time at={Date.parse(session.created)} />
                </td>
                <td>
                  <LastUse token={session} />
                </td>
                <td>
                  <Time at={session.expires * 1000} exact />
                </td>
                {mayEnd && (
                  <td>
                    <a href={issuerPath(ctx, "sessions", session.id, "end")} aria-label={`End the session ${cut(session.name, 100)}`}>
                      End…
                    </a>
                  </td>
                )}
              </tr>
            ))}
          </Table>
        )}
        <More url={page.url} continuationToken={continuationToken} />
      </>
    ),
  });
}
