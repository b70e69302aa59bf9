import { cut } from "../http/pageText.ts";
import { endSession, revokeSession } from "../sessions/end.ts";
import { listSessions } from "../sessions/list.ts";
import { getPersonalImpact } from "../tokens/impact.ts";
import { Badge, More, Table, Time } from "./components.tsx";
import { defineOwnPage } from "./page.tsx";
import { Created, EndButtons, endedView } from "./tokens/created.tsx";
import { LastUse } from "./tokens/lastUse.tsx";

export const SESSIONS = "/user/settings/sessions";
const idOf = (params: Record<string, string>) => params["sessionId"] ?? "";

/** A person's open sessions, each with a way to end it. */
export const sessionPages = [
  defineOwnPage("GET", SESSIONS, "person", async (ctx) => {
    const { sessions, continuationToken } = await listSessions(ctx, {
      maxResults: 100,
      continuationToken: ctx.page.query.get("continuationToken") || undefined,
    });
    return {
      title: "Your sessions",
      body: (
        <section>
          <h1>Your sessions</h1>
          <p class="faint">
            The browsers in which you are signed in to this console. If you do not recognize a session, end it with everything created in
            it.
          </p>
          <Table caption="Your sessions" head={["Signed in", "Last used", "Browser", "Ends", "End"]}>
            {sessions.map((session) => (
              <tr>
                <th scope="row">
                  <Time at={Date.parse(session.created)} /> {session.current && <Badge kind="good">this session</Badge>}
                </th>
                <td>
                  <LastUse token={session} />
                </td>
                <td>{cut(session.lastUsedBy ?? "", 200) || "–"}</td>
                <td>
                  <Time at={session.expires * 1000} exact />
                </td>
                <td>
                  <a href={`${SESSIONS}/${session.id}/end`} aria-label={`End the session ${session.id.slice(0, 8)}`}>
                    End…
                  </a>
                </td>
              </tr>
            ))}
          </Table>
          <More url={ctx.page.url} continuationToken={continuationToken} />
          <form method="post" action="/signout/everywhere">
            <button class="quiet">Sign out everywhere</button>
          </form>
        </section>
      ),
    };
  }),
  defineOwnPage("GET", `${SESSIONS}/:sessionId/end`, "person", async (ctx) => {
    const id = idOf(ctx.page.params);
    const impact = await getPersonalImpact(ctx, id, "session");
    return {
      title: "End a session",
      body: (
        <section>
          <h1>End the session {id.slice(0, 8)}?</h1>
          <p>The session is signed out immediately. Everything created in it is kept, unless you end that as well.</p>
          <dl>
            <dt>Last used</dt>
            <dd>
              <LastUse token={impact} />
            </dd>
          </dl>
          <Created created={impact.created} withOrg />
          <form method="post" class="narrow">
            <EndButtons label="End session" total={impact.created.total} /> <a href={SESSIONS}>Cancel</a>
          </form>
        </section>
      ),
    };
  }),
  defineOwnPage("POST", `${SESSIONS}/:sessionId/end`, "person", async (ctx) => {
    const id = idOf(ctx.page.params);
    if (ctx.page.form["withDescendants"] === "true")
      return endedView(await revokeSession(ctx, id), `Ended the session ${id.slice(0, 8)}`, SESSIONS);
    await endSession(ctx, id);
    return { to: SESSIONS, said: `The session ${id.slice(0, 8)} was ended.` };
  }),
];
