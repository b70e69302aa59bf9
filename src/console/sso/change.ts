import type * as z from "zod/mini";
import type { OrgContext } from "../../context.ts";
import { badRequest } from "../../errors.ts";
import { createConnection, deleteConnection, getConnection, updateConnection } from "../../sso/connections.ts";
import { addDomain, removeDomain, verifyDomain } from "../../sso/domains.ts";
import { AddDomainRequest, CreateConnectionRequest, UpdateConnectionRequest, UpdateSsoSettingsRequest } from "../../sso/schema.ts";
import { updateSsoSettings } from "../../sso/settings.ts";
import { type Problem, attempt, readForm } from "../attempt.ts";
import type { PageInput } from "../page.tsx";
import { connectionOf, words } from "./connection.tsx";

type Context = OrgContext & { page: PageInput };

/** Does what a form of the page asks for. @returns what is wrong with it */
export async function change(ctx: Context): Promise<Problem | undefined> {
  const { form } = ctx.page;
  const { origin } = ctx.page.url;
  const id = form["connection"] ?? "";
  const domain = form["domain"] ?? "";
  switch (form["do"]) {
    case "create":
      return read(CreateConnectionRequest, { ...connectionOf(form), kind: form["kind"] }, (body) => createConnection(ctx, body, origin));
    case "update":
      return read(UpdateConnectionRequest, connectionOf(form), (body) => updateConnection(ctx, id, body, origin));
    case "delete":
      return failure(async () => {
        const { name } = await getConnection(ctx, id, origin);
        if (form["confirmation"] !== name) throw badRequest(`type the name of the connection, ${name}, to delete it`);
        await deleteConnection(ctx, id);
      });
    case "add-domain":
      return read(AddDomainRequest, { domain }, (body) => addDomain(ctx, body.domain));
    case "verify-domain":
      return read(AddDomainRequest, { domain }, (body) => verifyDomain(ctx, body.domain));
    case "remove-domain":
      return read(AddDomainRequest, { domain }, (body) => removeDomain(ctx, body.domain));
    case "settings":
      return read(
        UpdateSsoSettingsRequest,
        {
          required: form["required"],
          reauthDays: Number(form["reauthDays"]),
          sessionHours: Number(form["sessionHours"]),
          emergencyAdmins: words(form["emergencyAdmins"]),
        },
        (body) => updateSsoSettings(ctx, body),
      );
    default:
      throw badRequest("this form has no such action");
  }
}

async function read<S extends z.ZodMiniType>(
  schema: S,
  input: unknown,
  work: (body: z.output<S>) => Promise<unknown>,
): Promise<Problem | undefined> {
  const body = readForm(schema, input);
  return "problem" in body ? body.problem : failure(() => work(body.value));
}

async function failure(work: () => Promise<unknown>): Promise<Problem | undefined> {
  const done = await attempt(work, [400, 404, 409]);
  return "problem" in done ? done.problem : undefined;
}
