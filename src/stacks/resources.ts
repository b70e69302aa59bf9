import { eq, sql } from "drizzle-orm";
import { guardMemberships, guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { streamOf } from "../http/stream.ts";
import { emptyDeployment } from "../state/checkpoint.ts";
import { decodeText, encode } from "../state/json/json.ts";
import { findResource, resourcesOf } from "../state/resources.ts";
import { readChunks } from "./objects.ts";
import { type StackPath, stackAt, stackNotFound } from "./path.ts";
import { upstreamOf } from "./references.ts";
import { stackTags, stacks } from "./table.ts";
import { type StoredState, takeState } from "./stateAt.ts";

/** Streams the resources from R2 one by one, so that a state may have any size. Secrets stay encrypted. */
export async function getStackResources(ctx: OrgContext, path: StackPath, version?: number): Promise<Response> {
  return streamOf(resourceList(await openState(ctx, await takeState(ctx, path, version, "the resources"))));
}

/** @throws 404 when the state has no such resource */
export async function getStackResource(ctx: OrgContext, path: StackPath, urn: string, version?: number): Promise<Response> {
  const state = await openState(ctx, await takeState(ctx, path, version, "a resource"));
  const resource = await findResource(state.chunks, urn);
  if (!resource) throw notFound(`Resource '${urn.slice(0, 1000)}'`);
  const headers = { "Content-Type": "application/json" };
  return new Response(`{"region":"","resource":{"resource":${decodeText(resource)}},"version":${state.version}}`, { headers });
}

/** The count in the stack's row; the state is not read. */
export async function getStackResourceCount(ctx: OrgContext, path: StackPath) {
  const [found] = await guarded(ctx, [
    ctx.store.db.select({ resourceCount: stacks.resourceCount, version: stacks.version }).from(stacks).where(stackAt(ctx.org.id, path)),
  ]);
  const stack = found[0];
  if (!stack) throw stackNotFound(path);
  return { resourceCount: stack.resourceCount ?? 0, version: stack.version };
}

/** Tags, references and resources in one answer, for a stack's first page. The references are those of `listUpstreamReferences`. */
export async function getStackOverview(ctx: OrgContext, path: StackPath): Promise<Response> {
  const { db } = ctx.store;
  const id = sql`(SELECT id FROM ${stacks} WHERE ${stackAt(ctx.org.id, path)})`;
  const [, tags, references] = await guarded(ctx, [
    guardMemberships(ctx.store, ctx.actor),
    db.select({ name: stackTags.name, value: stackTags.value }).from(stackTags).where(eq(stackTags.stackId, id)),
    upstreamOf(ctx, path),
  ]);
  // This comes last because it records the export: if the batch above finds a stale identity, this function runs again.
  const state = await openState(ctx, await takeState(ctx, path, undefined, "the resources"));
  const named = Object.fromEntries(tags.map((tag) => [tag.name, tag.value]));
  return streamOf(overview(JSON.stringify({ tags: named, referencedStacks: references }), state));
}

async function* overview(head: string, state: OpenState): AsyncGenerator<string | Uint8Array> {
  yield `${head.slice(0, -1)},"resources":`;
  yield* resourceList(state);
  yield "}";
}

interface OpenState {
  version: number;
  chunks: AsyncIterable<Uint8Array>;
}

/** The state as a stream. A stack without a state has the empty one. */
export async function openState(ctx: OrgContext, { stateKey, version }: StoredState): Promise<OpenState> {
  return { version, chunks: stateKey === null ? nothing() : await readChunks(ctx.env.STATE, stateKey) };
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield encode(emptyDeployment);
}

/** Writes the list of resources. `region` is empty: a stack may have resources in many regions. */
async function* resourceList({ version, chunks }: OpenState): AsyncGenerator<string | Uint8Array> {
  yield `{"region":"","version":${version},"resources":[`;
  let before = '{"resource":';
  for await (const text of resourcesOf(chunks)) {
    yield before;
    yield text;
    before = '},{"resource":';
  }
  yield before.startsWith("}") ? "}]}" : "]}";
}
