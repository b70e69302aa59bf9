import type { Context } from "hono";
import type { OrgPermission } from "../auth/policy.ts";
import type { Env } from "../http/environment.ts";
import { type Display, Zone } from "./display.ts";
import { Document } from "./document.tsx";
import { say, takeSaid } from "./said.ts";
import type { Answer } from "./view.ts";

interface Shown {
  url: URL;
  display: Display;
  may: (permission: OrgPermission) => boolean;
}

/** Writes the answer of a page. @param there the page with the form that this answers */
export async function render(c: Context<Env>, answer: Answer, page: Shown, there?: string): Promise<Response> {
  if (answer instanceof Response) return answer;
  if ("to" in answer) {
    if (answer.said) say(c, answer.said);
    return c.redirect(answer.to, 303);
  }
  c.header("Content-Security-Policy", policyOf(answer.formAction));
  const credential = c.get("credential");
  const actor = credential?.actor.kind === "user" ? credential.actor : undefined;
  const document = (
    <Zone.Provider value={page.display.zone}>
      <Document
        title={answer.title}
        actor={actor}
        org={credential?.org}
        at={answer.at}
        may={page.may}
        said={takeSaid(c)}
        display={page.display}
        here={c.req.method === "GET" ? page.url.pathname + page.url.search : (there ?? "/")}
        refused={c.req.method === "POST" && (answer.status ?? 200) >= 400 ? there : undefined}
      >
        {answer.body}
      </Document>
    </Zone.Provider>
  );
  return c.html(`<!doctype html>${String(await document)}`, answer.status ?? 200);
}

/** Allows only our own scripts and styles from files, no resources of other sites, and no embedding in a frame. */
const policyOf = (formAction = "") =>
  `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'${
    formAction && ` ${formAction}`
  }; base-uri 'none'; frame-ancestors 'none'`;
