import type { Child } from "hono/jsx";
import { requireRight } from "../../auth/right.ts";
import type { OrgContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { getIssuer } from "../../oidc/issuer.ts";
import type { Issuer } from "../../oidc/openapi.ts";
import { type Problem, statusOf } from "../attempt.ts";
import { Badge, Notice } from "../components.tsx";
import type { PageInput, View } from "../page.tsx";
import { placePath } from "../paths.ts";

export const LIST = "/:orgName/~/oidc" as const;
export const ISSUER_PAGE = `${LIST}/:issuerId` as const;
export type IssuerContext = OrgContext & { page: PageInput };

export const idIn = ({ page }: IssuerContext) => page.params["issuerId"] ?? "";

/** Reads the issuer for a page. @throws 403, 404 */
export async function issuerFor(ctx: IssuerContext): Promise<Issuer> {
  await requireRight(ctx, "oidc_issuers:read");
  return getIssuer(ctx, idIn(ctx));
}

export const issuerPath = ({ org, page }: IssuerContext, ...rest: string[]) =>
  placePath(org.name, "oidc", page.params["issuerId"] ?? "", ...rest);

type Part = "" | "sessions" | "test" | "settings";

const parts: { part: Part; label: string; needs: Parameters<PageInput["may"]>[0] }[] = [
  { part: "", label: "Policies", needs: "oidc_issuers:read" },
  { part: "sessions", label: "Sessions", needs: "oidc_issuers:read" },
  { part: "test", label: "Dry run", needs: "auth_policies:read" },
  { part: "settings", label: "Settings", needs: "oidc_issuers:update" },
];

interface Props {
  ctx: IssuerContext;
  issuer: Issuer;
  at: Part;
  title: string;
  problem?: Problem | undefined;
  children: Child;
}

/** A page of an issuer: its heading and tabs, and the part. */
export const issuerView = ({ ctx, issuer, at, title, problem, children }: Props): View => ({
  title: title ? `${title} of ${issuer.name}` : issuer.name,
  at: "oidc",
  status: statusOf(problem),
  body: (
    <section>
      <p>
        <a href={placePath(ctx.org.name, "oidc")}>Identity providers</a>
      </p>
      <h1>
        {issuer.name} {issuer.disabled && <Badge kind="bad">disabled</Badge>}
      </h1>
      <nav class="tabs" aria-label="Identity provider">
        <ul>
          {parts
            .filter(({ needs }) => ctx.page.may(needs))
            .map(({ part, label }) => (
              <li>
                <a href={issuerPath(ctx, ...(part ? [part] : []))} aria-current={part === at ? "page" : undefined}>
                  {label}
                </a>
              </li>
            ))}
        </ul>
      </nav>
      {problem && <Notice kind="error">{cut(problem.message, 3000)}</Notice>}
      {children}
    </section>
  ),
});

/** The question whether to end exchanged tokens. The form is sent again with the answer. */
export const EndsTokens = ({ count }: { count: number }) => (
  <fieldset>
    <legend>
      This ends {count} exchanged {count === 1 ? "token" : "tokens"}
    </legend>
    <p class="hint">
      What you want to save allows less than before. So all exchanged tokens of this identity provider end at once. Pipelines that run now
      lose their access.
    </p>
    <label class="plain option">
      <input type="checkbox" name="ends" value="yes" /> End these tokens
    </label>
  </fieldset>
);

/** Nothing was saved, because the form must first say whether tokens may end. */
export const unanswered: Problem = { message: "Nothing has been saved yet.", fields: {}, status: 409 };
