import { settingsOf } from "../../auth/policy.ts";
import type { OrgContext } from "../../context.ts";
import type { AccessToken } from "../../tokens/openapi.ts";
import type { Problem } from "../attempt.ts";
import { Choice, Field } from "../components.tsx";
import type { PageInput } from "../page.tsx";
import { timeText } from "../zone.ts";
import { placePath } from "../paths.ts";
import { type RoleChoice, RolePicker } from "../roles/picker.tsx";
import { ExpiryFields, expiresOf } from "./expiry.tsx";
import { LimitFields, limitsForm, tokenLimitsIn } from "./limits.tsx";
import { ADMIN_TOKEN_WARNING, roleValue } from "./roles.ts";

type Form = Record<string, string>;

const KEEP = "keep";

/**
 * The body of the API's request. Unchanged members are left out; if the limit on stacks was removed, a limit that allows all stacks is
 * sent.
 */
export function editBody(ctx: OrgContext, form: Form, token: AccessToken) {
  const { now } = ctx;
  const limits = tokenLimitsIn(form);
  return {
    displayName: form["displayName"],
    description: form["description"],
    ...(form["roleID"] !== undefined && form["roleID"] !== roleValue(ctx, token) && { roleID: form["roleID"] }),
    ...((form["expiry"] ?? KEEP) !== KEEP && { expires: expiresOf(form, now) }),
    ...(form["mayRotateItself"] !== undefined && { mayRotateItself: form["mayRotateItself"] === "yes" }),
    ...limits,
    ...(limits.stacks === null && token.stacks && { stacks: [{ project: "*", stack: "*" }] }),
  };
}

interface Props {
  ctx: OrgContext & { page: PageInput };
  token: AccessToken;
  choices: RoleChoice[];
  problem: Problem | undefined;
  /** Values for fields of the form in place of those that the token has. */
  proposed: Form;
}

/** Everything that an administrator may do to a token. The typed values stay while the form has a fault. */
export const TokenChanges = ({ ctx, token, choices, problem, proposed }: Props) => {
  const here = placePath(ctx.org.name, "tokens", token.id);
  const living = token.status === "active" || token.status === "disabled";
  return (
    <>
      {living && (
        <>
          <h2 id="change">Change</h2>
          <EditForm ctx={ctx} token={token} choices={choices} problem={problem} proposed={proposed} />
        </>
      )}
      {living && !token.successor && (
        <>
          <h2>Rotate</h2>
          <form method="post" action={`${here}/rotate`} class="narrow">
            {token.status === "active" ? (
              <Choice
                name="overlap"
                label="Overlap"
                value={ctx.page.form["overlap"] ?? "86400"}
                options={[
                  ["0", "none: the old token ends now"],
                  ["3600", "1 hour"],
                  ["86400", "1 day"],
                  ["604800", "7 days"],
                  ["2592000", "30 days"],
                ]}
                hint="The new token has the same permissions and lifetime. The old one expires after the overlap."
              />
            ) : (
              <p class="hint">The new token has the same permissions and lifetime. The old one ends now, permanently.</p>
            )}
            <button class="quiet">Create successor</button>
          </form>
        </>
      )}
      <section class="danger" aria-labelledby="danger">
        <h2 id="danger">Disable or delete</h2>
        <div class="actions">
          {living && !token.disabledReason?.endsWith("leaked") && (
            <form method="post" action={`${here}/${token.status === "disabled" ? "enable" : "disable"}`} class="inline">
              <button class="quiet">{token.status === "disabled" ? "Enable" : "Disable"}</button>
            </form>
          )}
          <a class="button danger" href={`${here}/delete`}>
            Delete…
          </a>
        </div>
      </section>
    </>
  );
};

const EditForm = ({ ctx, token, choices, problem, proposed }: Props) => {
  const errors = problem?.fields ?? {};
  const typed = problem && "displayName" in ctx.page.form ? ctx.page.form : undefined;
  const form: Form = typed ?? {
    displayName: token.displayName ?? "",
    description: token.description,
    roleID: roleValue(ctx, token),
    mayRotateItself: token.mayRotateItself ? "yes" : "",
    ...limitsForm(token),
    ...proposed,
  };
  return (
    <form method="post" action={`${placePath(ctx.org.name, "tokens", token.id)}/edit`} class="narrow">
      <Field
        name="displayName"
        label="Display name"
        value={form["displayName"]}
        error={errors["displayName"]}
        maxlength={100}
        hint={`Shown next to the name ${token.name}, which stays the same.`}
      />
      <Field name="description" label="Description" value={form["description"]} error={errors["description"]} maxlength={255} />
      <details open={typed !== undefined}>
        <summary>Role</summary>
        <RolePicker
          name="roleID"
          legend="Permissions"
          value={form["roleID"] ?? roleValue(ctx, token)}
          choices={choices}
          error={errors["roleID"]}
          warning={ADMIN_TOKEN_WARNING}
        />
      </details>
      <details open={typed !== undefined || Object.keys(proposed).length > 0}>
        <summary>Expiry and limits</summary>
        <ExpiryFields
          now={ctx.now}
          maxDays={settingsOf(ctx).maxTokenExpiryDays}
          keep={[KEEP, token.expires === 0 ? "unchanged: never" : `unchanged: ${timeText(token.expires * 1000, ctx.page.display.zone)}`]}
          value={form["expiry"]}
          date={form["expiryDate"] ?? ""}
          error={errors["expires"]}
        />
        <Choice
          name="mayRotateItself"
          label="Rotation"
          value={form["mayRotateItself"] ?? ""}
          options={[
            ["", "only by an administrator"],
            ["yes", "also by the token itself"],
          ]}
        />
        <LimitFields form={form} errors={errors} ofStacks={!token.admin} />
      </details>
      <button class="quiet">Save</button>
    </form>
  );
};
