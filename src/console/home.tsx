import { ORGANIZATIONS, orgPath } from "./paths.ts";
import { Empty } from "./components.tsx";
import { defineOwnPage, definePage } from "./page.tsx";

export const homePages = [
  defineOwnPage("GET", "/", "person", async ({ actor }) => {
    const [only, ...others] = actor.memberships;
    if (only?.isAccepted && others.length === 0) return { to: orgPath(only.org.name) };
    return {
      title: "Organizations",
      body: (
        <section>
          <h1>Organizations</h1>
          {only ? (
            <ul class="cards">
              {actor.memberships.map((m) => (
                <li>
                  <a href={orgPath(m.org.name)}>{m.org.name}</a> <span class="faint">{m.role}</span>
                  {!m.isAccepted && (
                    <>
                      {" "}
                      added by {m.addedBy || "somebody"}: <a href={ORGANIZATIONS}>accept or leave</a>
                    </>
                  )}
                </li>
              ))}
            </ul>
          ) : (
            <Empty>
              <p>You are not in any organization yet. Ask an administrator for an invitation.</p>
            </Empty>
          )}
        </section>
      ),
    };
  }),

  // The address of an organization's first page in earlier releases.
  definePage("GET", "/:orgName/~", "organization:read", async ({ org }) => ({ to: orgPath(org.name) })),
];
