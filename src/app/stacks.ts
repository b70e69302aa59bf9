/** The part of the Worker with the operations of a deployment by the CLI. */
import { historyRoutes, statusRoutes } from "../history/routes.ts";
import { secretRoutes } from "../secrets/routes.ts";
import { configRoutes } from "../stacks/configRoutes.ts";
import { stackRoutes } from "../stacks/routes.ts";
import { tagRoutes } from "../stacks/tagRoutes.ts";
import { updateRoutes } from "../updates/routes.ts";
import { handlersOf } from "./register.ts";

export const stackOperations = [
  ...stackRoutes,
  ...tagRoutes,
  ...configRoutes,
  ...secretRoutes,
  ...historyRoutes,
  ...updateRoutes,
  ...statusRoutes,
];

export const stackPart = handlersOf(stackOperations);
