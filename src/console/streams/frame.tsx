import type { OrgContext } from "../../context.ts";
import { getStream } from "../../streams/stream.ts";
import type { PageInput } from "../page.tsx";
import { placePath } from "../paths.ts";

export const LIST = "/:orgName/~/streams" as const;
export const STREAM_PAGE = `${LIST}/:streamId` as const;
export type StreamContext = OrgContext & { page: PageInput };

export const idIn = ({ page }: StreamContext) => page.params["streamId"] ?? "";

/** Reads the stream of a page. @throws 404 */
export const streamFor = (ctx: StreamContext) => getStream(ctx, idIn(ctx));

export const streamPath = (ctx: StreamContext, ...rest: string[]) => placePath(ctx.org.name, "streams", idIn(ctx), ...rest);
