import { requireExports } from "../../streams/create.ts";
import { SentDestination, UpdateStreamRequest } from "../../streams/schema.ts";
import { updateStream } from "../../streams/update.ts";
import { type Problem, attempt, readForm, statusOf } from "../attempt.ts";
import { Notice } from "../components.tsx";
import { keepOnce } from "../once.ts";
import { type View, definePage } from "../page.tsx";
import { type Form, StreamFields, destinationOf, fieldsOf } from "./fields.tsx";
import { STREAM_PAGE, type StreamContext, idIn, streamFor, streamPath } from "./frame.tsx";

const permission = "audit_streams:update";

export const streamEditPages = [
  definePage("GET", `${STREAM_PAGE}/edit`, permission, (ctx) => view(ctx)),
  definePage("POST", `${STREAM_PAGE}/edit`, permission, async (ctx) => {
    const { form, hono, url } = ctx.page;
    const id = idIn(ctx);
    const { destination: before } = await streamFor(ctx);
    const destination = readForm(SentDestination, destinationOf(before.kind, form));
    if ("problem" in destination) return view(ctx, destination.problem);
    const body = readForm(UpdateStreamRequest, {
      name: form["name"],
      ...(form["format"] && { format: form["format"] }),
      destination: destination.value,
      ...(form["newSecret"] === "yes" && { newSecret: true }),
    });
    const done = "problem" in body ? body : await attempt(() => updateStream(ctx, id, body.value, url.origin));
    if ("problem" in done) return view(ctx, done.problem);
    const { name, secret } = done.value as { name: string; secret?: string };
    if (secret === undefined) return { to: streamPath(ctx), said: "The stream was saved." };
    await keepOnce(ctx, hono, ctx.actor.token.id, { id, name, value: secret });
    return { to: streamPath(ctx, "secret"), said: null };
  }),
];

async function view(ctx: StreamContext, problem?: Problem): Promise<View> {
  requireExports(ctx);
  const stream = await streamFor(ctx);
  const form: Form = problem ? ctx.page.form : fieldsOf(stream);
  return {
    title: `Edit ${stream.name}`,
    at: "audit",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <h1>Edit {stream.name}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <form method="post" action={streamPath(ctx, "edit")}>
          <StreamFields kind={stream.destination.kind} form={form} errors={problem?.fields ?? {}} edited={stream.destination} />
          <p class="actions">
            <button>Save</button> <a href={streamPath(ctx)}>Cancel</a>
          </p>
        </form>
      </section>
    ),
  };
}
