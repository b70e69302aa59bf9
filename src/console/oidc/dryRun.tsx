import { badRequest } from "../../errors.ts";
import { parseJson } from "../../http/json.ts";
import { cut, pageBytes } from "../../http/pageText.ts";
import { testIssuer } from "../../oidc/dryRun.ts";
import type { Issuer, TestResult } from "../../oidc/openapi.ts";
import { TestIssuerRequest } from "../../oidc/schema.ts";
import { type Problem, attempt, readForm } from "../attempt.ts";
import { Area, Choice, Field } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { ROOM_FOR_CLAIMS, Result } from "./dryRunResult.tsx";
import { ISSUER_PAGE, type IssuerContext, issuerFor, issuerPath, issuerView } from "./frame.tsx";
import { jwt } from "./pastedToken.ts";

type Form = Record<string, string>;

/** Shows what an exchange would do. What was pasted may be a secret, so a token is never shown again. */
export const dryRunPages = [
  definePage("GET", `${ISSUER_PAGE}/test`, "auth_policies:read", async (ctx) => view(ctx, await issuerFor(ctx), {})),
  definePage("POST", `${ISSUER_PAGE}/test`, "auth_policies:read", async (ctx) => {
    const issuer = await issuerFor(ctx);
    const { form, url } = ctx.page;
    const pasted = (form["pasted"] ?? "").trim();
    const kept = { ...form, pasted: isClaims(pasted) ? pasted : "" };
    const request = await attempt(async () => requestOf(pasted, form), [400, 413]);
    const body = "problem" in request ? request : readForm(TestIssuerRequest, request.value);
    if ("problem" in body) return view(ctx, issuer, kept, { problem: { ...body.problem, message: sentenceOf(body.problem) } });
    const done = await attempt(() => testIssuer(ctx, issuer.id, body.value, url.origin));
    return view(ctx, issuer, kept, "problem" in done ? done : { result: done.value });
  }),
];

const sentenceOf = ({ message, fields }: Problem) => Object.values(fields)[0] ?? message;

/** Whether a text is claims without a token in it, for example the answer of a provider. */
const isClaims = (pasted: string) => pasted.startsWith("{") && !jwt.test(pasted);

/** The body of the API's request. @throws 400, 413 */
function requestOf(pasted: string, form: Form): object {
  const tokenType = form["tokenType"] || "organization";
  const name = (form["name"] ?? "").trim();
  if (pasted === "") throw badRequest("paste a token, or claims as JSON");
  if (tokenType !== "organization" && name === "") throw badRequest(`enter the name of the ${tokenType === "team" ? "team" : "person"}`);
  const scopes: Form = { organization: form["admin"] === "yes" ? "admin" : "", team: `team:${name}`, personal: `user:${name}` };
  const wanted = { tokenType, scope: scopes[tokenType] };
  if (isClaims(pasted)) return { ...wanted, claims: parseJson(pasted) };
  return { ...wanted, token: jwt.exec(pasted)?.[0] ?? pasted };
}

async function view(
  ctx: IssuerContext,
  issuer: Issuer,
  form: Form,
  { problem, result }: { problem?: Problem; result?: TestResult } = {},
): Promise<View> {
  return issuerView({
    ctx,
    issuer,
    at: "test",
    title: "Dry run",
    problem,
    children: (
      <>
        <form method="post" action={`${issuerPath(ctx, "test")}#result`} class="narrow">
          <p class="faint">See what an exchange would do. It issues nothing, and a pasted token is stored nowhere.</p>
          <Area
            name="pasted"
            label="A token of a pipeline, or its claims as JSON"
            value={pageBytes(form["pasted"] ?? "") > ROOM_FOR_CLAIMS ? "" : form["pasted"]}
            rows={6}
            hint='For example {"aud": "urn:pulumi:org:acme", "repository": "acme/shop", "ref": "refs/heads/main"}. The field is empty again after a token.'
          />
          <details open={(form["tokenType"] ?? "organization") !== "organization" || form["admin"] === "yes"}>
            <summary>Kind of token</summary>
            <Choice
              name="tokenType"
              label="The exchange asks for"
              value={form["tokenType"] ?? "organization"}
              options={[
                ["organization", "Organization token"],
                ["team", "Token of a team"],
                ["personal", "Personal token"],
              ]}
            />
            <Field name="name" label="Team or person" value={cut(form["name"] ?? "", 600)} maxlength={200} />
            <label class="plain option">
              <input type="checkbox" name="admin" value="yes" checked={form["admin"] === "yes"} /> The scope <code>admin</code>, for an
              organization token
            </label>
          </details>
          <p>
            <button>Try</button>
          </p>
        </form>
        {result && (await Result({ ctx, issuer, result }))}
      </>
    ),
  });
}
