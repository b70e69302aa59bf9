/** The part of the Worker with every operation of the API. */
import { handlersOf } from "./register.ts";
import { routes } from "./routes.ts";

export const api = handlersOf(routes);
