import * as z from "zod/mini";
import { text } from "../http/bounded.ts";
import { type Route, defineRoute } from "../http/route.ts";
import { STACK_PATH, stackParams, updateParams, versionParams } from "../stacks/params.ts";
import { pagingOf, pagingQuery } from "./entries.ts";
import { EngineEventsQuery, getEngineEvents } from "./getEvents.ts";
import {
  getPreview,
  getTimeline,
  getUpdate,
  getUpdateById,
  getUpdateStatus,
  listActivity,
  listPreviews,
  listStackUpdates,
  listUpdates,
} from "./history.ts";
import { toStackUpdate, toUpdateSummary } from "./info.ts";
import { summarize } from "./summarize.ts";

const UPDATES_PATH = `${STACK_PATH}/updates` as const;
const CONSOLE = "/api/console/stacks/{orgName}/{projectName}/{stackName}/updates" as const;
const previewsQuery = z.extend(pagingQuery, { asc: z.optional(z.enum(["true", "false"])) });

const read = { method: "GET", permission: "stack:read" } as const satisfies Partial<Route["definition"]>;
const ofStack = { ...read, params: stackParams };
const ofVersion = { ...read, params: versionParams };
const ofUpdate = { ...read, params: updateParams };

/** The kinds that occur in the paths of updates. */
const kinds = ["update", "preview", "refresh", "destroy"] as const;

/** The history of a stack's updates and previews. The paths with `latest` come first: otherwise `latest` would match as a version. */
export const historyRoutes = [
  defineRoute(
    {
      ...ofStack,
      path: UPDATES_PATH,
      operationId: "GetStackUpdates",
      query: z.extend(pagingQuery, { "output-type": z.optional(text(100)) }),
    },
    (ctx, { params, query: { page, pageSize, "output-type": output } }) => {
      const paging = pagingOf({ page, pageSize: page === 0 ? undefined : pageSize });
      return output ? listStackUpdates(ctx, params, paging) : listUpdates(ctx, params, paging);
    },
  ),
  defineRoute(
    {
      ...ofStack,
      path: `${UPDATES_PATH}/latest`,
      operationId: "GetLatestStackUpdate",
    },
    async (ctx, { params }) => {
      const { row, latestVersion } = await getUpdate(ctx, params, "latest");
      return toStackUpdate(row, latestVersion);
    },
  ),
  defineRoute(
    {
      ...ofStack,
      path: `${UPDATES_PATH}/latest/previews`,
      operationId: "GetLatestStackPreviews",
      query: previewsQuery,
    },
    (ctx, { params, query }) => listPreviews(ctx, params, "latest", query.asc === "true", pagingOf(query)),
  ),
  defineRoute(
    {
      ...ofStack,
      path: `${UPDATES_PATH}/latest/timeline`,
      operationId: "GetLatestUpdateTimeline",
    },
    (ctx, { params }) => getTimeline(ctx, params, "latest"),
  ),
  defineRoute(
    {
      ...ofVersion,
      path: `${UPDATES_PATH}/{version}`,
      operationId: "GetStackUpdate",
    },
    async (ctx, { params }) => {
      const { row, latestVersion } = await getUpdate(ctx, params, params.version);
      return toStackUpdate(row, latestVersion);
    },
  ),
  defineRoute(
    {
      ...ofVersion,
      path: `${UPDATES_PATH}/{version}/summary`,
      operationId: "GetStackUpdateSummary",
    },
    async (ctx, { params }) => toUpdateSummary((await getUpdate(ctx, params, params.version)).row),
  ),
  defineRoute(
    {
      ...ofVersion,
      path: `${UPDATES_PATH}/{version}/previews`,
      operationId: "GetStackPreviews",
      query: previewsQuery,
    },
    (ctx, { params, query }) => listPreviews(ctx, params, params.version, query.asc === "true", pagingOf(query)),
  ),
  defineRoute(
    {
      ...ofVersion,
      path: `${UPDATES_PATH}/{version}/timeline`,
      operationId: "GetUpdateTimeline",
    },
    (ctx, { params }) => getTimeline(ctx, params, params.version),
  ),
  defineRoute(
    {
      ...ofUpdate,
      path: `${STACK_PATH}/previews/{updateID}`,
      operationId: "GetStackPreview",
    },
    async (ctx, { params }) => {
      const { row, latestVersion } = await getPreview(ctx, params, params.updateID);
      return toStackUpdate(row, latestVersion);
    },
  ),
  defineRoute(
    {
      ...ofUpdate,
      path: `${STACK_PATH}/previews/{updateID}/summary`,
      operationId: "GetStackPreviewSummary",
    },
    async (ctx, { params }) => toUpdateSummary((await getPreview(ctx, params, params.updateID)).row),
  ),
  defineRoute(
    {
      ...ofStack,
      path: `${STACK_PATH}/activity`,
      operationId: "GetStackActivity",
      query: pagingQuery,
    },
    (ctx, { params, query }) => listActivity(ctx, params, pagingOf(query)),
  ),
  defineRoute(
    {
      ...ofStack,
      path: `${CONSOLE}/latest/summary`,
      operationId: "UpdateSummaryHandlerLatest",
    },
    async (ctx, { params }) => summarize(ctx, params, (await getUpdate(ctx, params, "latest")).row),
  ),
  defineRoute(
    {
      ...ofUpdate,
      path: `${CONSOLE}/{updateID}/summary`,
      operationId: "UpdateSummary",
    },
    async (ctx, { params }) => summarize(ctx, params, await getUpdateById(ctx, params, params.updateID)),
  ),
  ...kinds.map((kind) =>
    defineRoute(
      {
        ...ofUpdate,
        path: `${STACK_PATH}/${kind}/{updateID}/events`,
        operationId: `GetEngineEvents_${kind}`,
        query: EngineEventsQuery,
      },
      (ctx, { params, query }) => getEngineEvents(ctx, params, params.updateID, query),
    ),
  ),
];

/** The status of an update. A client uses the kind with which it created the update. */
export const statusRoutes = (["Update", "Preview", "Refresh", "Destroy"] as const).map((kind) =>
  defineRoute(
    {
      ...ofUpdate,
      path: `${STACK_PATH}/${kind.toLowerCase()}/{updateID}`,
      operationId: `GetUpdateStatusFor${kind}`,
    },
    (ctx, { params }) => getUpdateStatus(ctx, params, params.updateID),
  ),
);
