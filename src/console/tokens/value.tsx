import type { OrgContext } from "../../context.ts";
import { Copyable, Notice } from "../components.tsx";
import type { NavigationItem } from "../document.tsx";
import { takeOnce } from "../once.ts";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";

export const valuePage = definePage("GET", "/:orgName/~/tokens/:tokenId/value", "org_token:read", (ctx) =>
  valueView(ctx, placePath(ctx.org.name, "tokens"), "tokens"),
);

/** The only page that shows a token's value, and only at the first view. @param list the path of the list of the tokens */
export async function valueView(ctx: OrgContext & { page: PageInput }, list: string, at: NavigationItem): Promise<View> {
  const { params, hono, url } = ctx.page;
  const shown = await takeOnce(ctx, hono, ctx.actor.token.id);
  if (!shown || shown.id !== params["tokenId"]) {
    return {
      title: "Shown once",
      at,
      body: (
        <section class="narrow">
          <h1>Shown once</h1>
          <p>
            A token's value is shown once, right after its creation, and is not stored. If you have lost it,{" "}
            <a href={list}>delete the token</a> and create another, or rotate it.
          </p>
        </section>
      ),
    };
  }
  const backend = { url: url.origin, domain: url.host };
  const stack = `${ctx.org.name}/PROJECT/STACK`;
  return {
    title: `Token ${shown.name}`,
    at,
    body: (
      <section class="narrow">
        <h1>{shown.name}</h1>
        <Notice kind="warning">Copy the value now. It is shown only once and cannot be retrieved later.</Notice>
        <Copyable label="Value" text={shown.value} />
        <h2>Use it</h2>
        <p class="faint">Store the value only in the secret store of your CI system, here with the name PULUMI_ACCESS_TOKEN.</p>
        <Copyable label="Shell" text={shell(backend)} />
        <Copyable label="GitHub Actions" text={gitHub(backend, stack)} />
        <Copyable label="GitLab CI" text={gitLab(backend, stack)} />
        <Copyable label="Jenkins" text={jenkins(backend, stack, shown.name)} />
        <p>
          <a class="button" href={list}>
            I have copied it
          </a>
        </p>
      </section>
    ),
  };
}

/** The CLI derives the console of a backend from its domain, for the links that it prints and for `pulumi login` (cli-protocol §2.8). */
interface Backend {
  url: string;
  domain: string;
}

const shell = (backend: Backend) => `export PULUMI_BACKEND_URL=${backend.url} PULUMI_CONSOLE_DOMAIN=${backend.domain}
read -rs PULUMI_ACCESS_TOKEN && export PULUMI_ACCESS_TOKEN
pulumi whoami -v`;

const gitHub = (backend: Backend, stack: string) => `- run: pulumi up --yes --stack ${stack}
  env:
    PULUMI_BACKEND_URL: ${backend.url}
    PULUMI_CONSOLE_DOMAIN: ${backend.domain}
    PULUMI_ACCESS_TOKEN: \${{ secrets.PULUMI_ACCESS_TOKEN }}`;

const gitLab = (backend: Backend, stack: string) => `# PULUMI_ACCESS_TOKEN: a masked and protected CI/CD variable
deploy:
  variables:
    PULUMI_BACKEND_URL: ${backend.url}
    PULUMI_CONSOLE_DOMAIN: ${backend.domain}
  script:
    - pulumi up --yes --stack ${stack}`;

const jenkins = (backend: Backend, stack: string, name: string) => `// ${name}: a credential of the kind "secret text"
withEnv(['PULUMI_BACKEND_URL=${backend.url}', 'PULUMI_CONSOLE_DOMAIN=${backend.domain}']) {
  withCredentials([string(credentialsId: '${name}', variable: 'PULUMI_ACCESS_TOKEN')]) {
    sh 'pulumi up --yes --stack ${stack}'
  }
}`;
