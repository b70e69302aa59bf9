/** The part of the Worker for browsers: the pages, and what identity providers send to the sign-in. */
import { addPages } from "../console/page.tsx";
import { pages } from "../console/pages.ts";
import { Handlers } from "../http/handlers.ts";
import { serveLogout } from "../sso/logout.ts";

export { missingPage } from "../console/page.tsx";

export const site = new Handlers();
site.add("POST", "/login/:place/sso/backchannel-logout", serveLogout);
addPages(site, pages);
