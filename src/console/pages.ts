import { cliLoginPages } from "./cliLogin.tsx";
import { homePages } from "./home.tsx";
import { signInPages } from "./signIn.tsx";
import type { PageRoute } from "./page.tsx";

/** Every page of the console, in the order in which paths are tried. */
export const pages: PageRoute[] = [...signInPages, ...cliLoginPages, ...homePages];
