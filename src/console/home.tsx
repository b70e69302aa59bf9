import { orgPath } from "./paths.ts";
import { Empty } from "./components.tsx";
import { definePage } from "./page.tsx";

export const homePages = [
  definePage("GET", "/", "person", async ({ actor }) => {
    const [only, ...others] = actor.memberships;
    if (only && others.length === 0) return { to: orgPath(only.org.name) };
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
];
