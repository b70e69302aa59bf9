import { deleteStream } from "../../streams/delete.ts";
import { placeOf } from "../../streams/tell.ts";
import type { Problem } from "../attempt.ts";
import { Field, Notice } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { STREAM_PAGE, type StreamContext, idIn, streamFor, streamPath } from "./frame.tsx";

const permission = "audit_streams:update";

export const streamRemovePages = [
  definePage("GET", `${STREAM_PAGE}/delete`, permission, (ctx) => view(ctx)),
  definePage("POST", `${STREAM_PAGE}/delete`, permission, async (ctx) => {
    const { name } = await streamFor(ctx);
    if ((ctx.page.form["confirmation"] ?? "").trim() !== name.trim())
      return view(ctx, { message: "Nothing was deleted.", fields: { confirmation: "This is not the name." } });
    await deleteStream(ctx, idIn(ctx));
    return { to: placePath(ctx.org.name, "streams"), said: `The stream ${name} was deleted.` };
  }),
];

async function view(ctx: StreamContext, problem?: Problem): Promise<View> {
  const { name, destination } = await streamFor(ctx);
  return {
    title: `Delete ${name}`,
    at: "audit",
    status: problem ? 400 : 200,
    body: (
      <section class="narrow">
        <h1>Delete {name}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <p>
          Nothing more is sent to {placeOf(destination)}, and the stored credential is deleted. The records that were sent stay there, and
          the audit log stays here.
        </p>
        <form method="post" action={streamPath(ctx, "delete")}>
          <Field name="confirmation" label={`Type ${name} to confirm`} error={problem?.fields["confirmation"]} required />
          <p class="actions">
            <button class="danger">Delete</button> <a href={streamPath(ctx)}>Cancel</a>
          </p>
        </form>
      </section>
    ),
  };
}
