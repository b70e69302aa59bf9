/** How a command is tried on our server. docs/compatibility.md has the results. */
export interface Trial {
  /** The newest name of the command, without `pulumi`. */
  name: string;
  /** The command lines, one after the other, in spellings that older releases accept; for a command that is not tried, the reason. */
  run: string[] | { not: string };
  /** The command succeeds with an output that matches. */
  says?: RegExp;
  /** The command is refused with an output that matches. */
  refuses?: RegExp;
  /** The service has no such objects, and the command says so with this output, without failing. */
  empty?: RegExp;
  /** An administrator runs the command, and not a machine. */
  admin?: true;
}

const local = (...names: string[]): Trial[] => names.map((name) => ({ name, run: { not: "needs no service" } }));
const trial = (name: string, ...run: string[]): Trial => ({ name, run });

/** The commands for webhooks, with an address that nothing listens on. */
function webhookTrials(of: "org" | "stack", where: string, event: string): Trial[] {
  const one = (command: string, line: string, says: RegExp): Trial => ({
    ...trial(`${of} webhook ${command}`, `${of} webhook ${line} ${where}`),
    says,
  });
  const ofStack = [one("get", "get HOOK", /commands-hook/), one("delivery redeliver", "delivery redeliver HOOK EVENT", /Kind: +ping/)];
  return [
    one("new", `new --name commands-hook --url http://127.0.0.1:1/in --event ${event} --yes`, /Created webhook|commands-hook/),
    one("list", "list", /commands-hook/),
    one("edit", "edit HOOK --url http://127.0.0.1:1/other", /Updated webhook|other/),
    one("ping", "ping HOOK", /Kind: +ping/),
    one("delivery list", "delivery list HOOK", /ping/),
    ...(of === "stack" ? ofStack : []),
    one("remove", "remove HOOK --yes", /has been removed/),
  ];
}

/** The beginning of URNs in state.json, up to the name. */
const URN = "urn:pulumi:dev::commands::test:index:Group::";

/**
 * The trials in their order: each can use what the earlier ones made. Words in capitals are filled in by the test, and `_` in a schedule is
 * a space.
 */
export const trials: Trial[] = [
  { ...trial("login", "login URL"), says: /Logged in to .* as acme/ },
  { ...trial("whoami", "whoami -v"), says: /Token type: organization: acme/ },
  trial("org set-default", "org set-default acme"),
  { ...trial("org get-default", "org get-default"), says: /acme/ },
  { ...trial("org", "org"), says: /Default Org: acme/ },

  trial("stack new", "stack init acme/commands/dev", "stack init acme/commands/other --no-select"),
  { ...trial("stack list", "stack ls"), says: /dev/ },
  trial("stack select", "stack select acme/commands/dev"),
  { ...trial("project list", "project ls"), says: /commands/ },
  trial("config set", "config set --secret password hush", "config set greeting hello"),
  trial("config set-all", "config set-all --plaintext one=1 --plaintext two=2"),
  { ...trial("config get", "config get password"), says: /hush/ },
  trial("config copy", "config cp one --dest other"),
  trial("config remove", "config rm one"),
  trial("config remove-all", "config rm-all two"),
  { ...trial("config", "config --show-secrets"), says: /hush/ },
  trial("stack import", "stack import --file state.json"),
  { ...trial("preview", "preview"), says: /unchanged|same/ },
  { ...trial("up", "up --yes --skip-preview"), says: /Duration/ },
  { name: "watch", run: { not: "needs pulumi-watch" } },
  { ...trial("cancel", "cancel --yes"), refuses: /The Update has already completed/ },
  trial("import", "import --file import.json --yes --skip-preview --generate-code=false"),
  trial("refresh", "refresh --yes --skip-preview"),
  trial("config refresh", "config refresh --force"),
  { ...trial("stack", "stack"), says: /Current stack is dev/ },
  { ...trial("stack get", "stack get"), says: /dev/ },
  { ...trial("stack output", "stack output --show-secrets"), says: /hush/ },
  { ...trial("stack export", "stack export"), says: /"secrets_providers"/ },
  trial("stack graph", "stack graph graph.dot"),
  { ...trial("stack history", "stack history"), says: /Version: \d/ },
  { ...trial("stack history events", "stack history events UPDATE"), says: /summary/i },
  trial("stack tag set", "stack tag set owner platform"),
  { ...trial("stack tag get", "stack tag get owner"), says: /platform/ },
  { ...trial("stack tag list", "stack tag ls"), says: /platform/ },
  trial("stack tag remove", "stack tag rm owner"),
  trial("stack change-secrets-provider", "stack change-secrets-provider passphrase", "stack change-secrets-provider default"),
  { ...trial("state get", `state get ${URN}a`), says: /Group/ },
  trial("state protect", `state protect ${URN}a --yes`),
  trial("state unprotect", `state unprotect ${URN}a --yes`),
  trial("state taint", `state taint ${URN}a --yes`),
  trial("state untaint", `state untaint ${URN}a --yes`),
  trial("state rename", `state rename ${URN}a renamed --yes`),
  trial("state move", `state move --source acme/commands/dev --dest acme/commands/other ${URN}b --yes`),
  trial("state repair", "state repair --yes"),
  trial("state remove", `state delete ${URN}renamed --yes`),
  { name: "state edit", run: { not: "needs a terminal" } },
  { ...trial("state upgrade", "state upgrade --yes"), empty: /[^]*/ },
  trial("stack rename", "stack rename moved", "stack rename dev"),
  { ...trial("logs", "logs"), empty: /Collecting logs for stack/ },
  { ...trial("console", "console"), empty: /[^]*/ },
  { ...trial("about", "about"), says: /acme/ },
  trial("stack migrate", "stack migrate BACKEND organization/commands/elsewhere --target acme/commands/elsewhere --yes"),
  trial("destroy", "destroy --yes --skip-preview"),
  trial("stack unselect", "stack unselect"),
  trial("stack remove", "stack rm --yes acme/commands/dev"),
  trial("new", "new TEMPLATE --dir NEW --yes --stack acme/made/dev"),
  trial("project new", "project new TEMPLATE --dir ANOTHER --yes --stack acme/made-again/dev"),
  { ...trial("template list", "template list"), empty: /No templates found/ },
  trial("template publish", "template publish TEMPLATE --name made --publisher acme --version 1.0.0"),
  trial("package publish", "package publish schema.json --publisher acme --readme README.md"),
  trial("package remove", "package delete private/acme/made@1.0.0 --yes"),
  { ...trial("api", "api /api/user"), says: /"githubLogin": "acme"/ },
  { ...trial("api list", "api list"), says: /GetStack/ },
  { ...trial("api describe", "api describe GetStack"), says: /GET \/api\/stacks/ },

  ...[
    { ...trial("org member list", "org member list --org acme"), says: /ada/ },
    { ...trial("org member edit", "org member edit mel --org acme --role member"), says: /mel/ },
    { ...trial("org member remove", "org member remove nobody --org acme --yes"), refuses: /\[404\] Not Found/ },
    { ...trial("org audit-log list", "org audit-log list --org acme"), says: /stack-created/ },
    { ...trial("org audit-log export", "org audit-log export --org acme"), says: /Stack Created/ },
    { ...trial("org role list", "org role list --org acme"), says: /admin/i },
    { ...trial("org role new", "org role new auditor role.json --org acme"), says: /auditor/ },
    { ...trial("org role edit", "org role edit ROLE --org acme --name reader"), says: /reader/ },
    // A role that somebody has is not removed, so the second command takes it away again.
    trial(
      "org role assign",
      "org role assign ROLE commands-team --org acme",
      "api --method DELETE /api/orgs/acme/teams/commands-team/roles/ROLE",
    ),
    { ...trial("org role remove", "org role remove ROLE --org acme --yes"), says: /Removed role/ },
    trial("org search", "org search --org acme --query type:x"),
    trial("org search ai", "org search ai --org acme --query buckets"),
    trial("org usage get", "org usage get --org acme"),
    ...webhookTrials("org", "--org acme", "stack_created"),
    { ...trial("policy list", "policy ls acme"), empty: /ended with 0/ },
    trial("policy enable", "policy enable acme/pack latest"),
    trial("policy disable", "policy disable acme/pack"),
    trial("policy remove", "policy rm acme/pack all --yes"),
    trial("policy validate-config", "policy validate-config acme/pack 1 --config empty.json"),
    { ...trial("policy group list", "policy group ls acme"), empty: /ended with 0/ },
    trial("policy group get", "policy group get group --org acme"),
    trial("policy group new", "policy group new group --org acme --entity-type stacks --yes"),
    trial("policy group edit", "policy group edit group --org acme --name other"),
    trial("policy group remove", "policy group remove group --org acme --yes"),
    trial("policy compliance list", "policy compliance list --org acme"),
    trial("policy issue list", "policy issue list --org acme"),
    trial("policy issue get", "policy issue get issue --org acme"),
    trial("insights account list", "insights account list --org acme"),
    trial("insights account new", "insights account new account --org acme --provider aws --environment a/b --yes"),
    trial("insights account scan", "insights account scan account --org acme"),
    trial("insights account scan get", "insights account scan get account scan --org acme"),
    trial("insights account scan list", "insights account scan list account --org acme"),
    trial("insights account scan log", "insights account scan log account scan --org acme"),
    trial("insights resource get", "insights resource get type::id --account account --org acme"),
    trial("insights resource search", "insights resource search --org acme --query x"),
    trial("neo", "neo hello --org acme"),
    trial("neo resume", "neo resume task --org acme"),
  ].map((each) => ({ ...each, admin: true as const })),
  trial("policy install", "policy install --stack STACK"),
  { name: "policy publish", run: { not: "needs a policy pack" } },

  trial("deployment list", "deployment list --stack STACK"),
  trial("deployment get", "deployment get 1 --stack STACK"),
  trial("deployment log", "deployment log 1 --stack STACK"),
  trial("deployment cancel", "deployment cancel deployment --stack STACK --yes"),
  trial("deployment run", "deployment run update https://example.com/program.git --stack STACK"),
  trial("deployment settings get", "deployment settings get --stack STACK"),
  trial("deployment settings edit", "deployment settings edit --stack STACK --branch main"),
  trial("deployment settings destroy", "deployment settings destroy --stack STACK --yes"),
  trial("stack schedule list", "stack schedule list --stack STACK"),
  trial("stack schedule new", "stack schedule new --stack STACK --kind raw --cron 0_0_*_*_* --operation update --yes"),
  trial("stack schedule get", "stack schedule get schedule --stack STACK"),
  trial("stack schedule edit", "stack schedule edit schedule --stack STACK --cron 0_0_*_*_*"),
  trial("stack schedule remove", "stack schedule remove schedule --stack STACK --yes"),
  ...webhookTrials("stack", "--stack STACK", "update_failed"),
  trial("stack drift list", "stack drift list --stack STACK"),
  trial("stack drift status", "stack drift status --stack STACK"),

  { ...trial("config env list", "config env ls --stack STACK"), empty: /has no environments listed/ },
  trial("config env add", "config env add project/dev --stack STACK --yes"),
  { ...trial("config env remove", "config env rm project/dev --stack STACK --yes"), empty: /[^]*/ },
  trial("config env init", "config env init --stack STACK --yes"),
  trial("env init", "env init ENV"),
  trial("env list", "env ls"),
  trial("env get", "env get ENV"),
  trial("env open", "env open ENV"),
  trial("env open-request", "env open-request ENV"),
  trial("env run", "env run ENV -- true"),
  trial("env set", "env set ENV a b"),
  trial("env edit", "env edit ENV --file import.json"),
  trial("env clone", "env clone ENV acme/default/copy"),
  trial("env diff", "env diff ENV@1 ENV"),
  trial("env rotate", "env rotate ENV"),
  trial("env remove", "env rm ENV --yes"),
  trial("env tag", "env tag ENV owner platform"),
  trial("env tag get", "env tag get ENV owner"),
  trial("env tag list", "env tag ls ENV"),
  trial("env tag move", "env tag mv ENV owner since"),
  trial("env tag remove", "env tag rm ENV owner"),
  trial("env version", "env version ENV@1"),
  trial("env version history", "env version history ENV"),
  trial("env version rollback", "env version rollback ENV@1"),
  trial("env version retract", "env version retract ENV@1"),
  trial("env version tag", "env version tag ENV@stable 1"),
  trial("env version tag list", "env version tag ls ENV"),
  trial("env version tag remove", "env version tag rm ENV@stable"),
  trial("env referrer list", "env referrer list ENV"),
  trial("env settings get", "env settings get ENV"),
  trial("env settings set", "env settings set ENV deletion-protected true"),
  trial("env schedule list", "env schedule list ENV"),
  trial("env schedule get", "env schedule get ENV schedule"),
  trial("env schedule new", "env schedule new ENV --cron 0_0_*_*_*"),
  trial("env schedule edit", "env schedule edit ENV schedule --cron 0_0_*_*_*"),
  trial("env schedule history", "env schedule history ENV schedule"),
  trial("env schedule remove", "env schedule remove ENV schedule --yes"),
  trial("env webhook list", "env webhook list ENV"),
  trial("env webhook get", "env webhook get ENV hook"),
  trial("env webhook new", "env webhook new ENV hook --url https://example.com"),
  trial("env webhook edit", "env webhook edit ENV hook --url https://example.com"),
  trial("env webhook ping", "env webhook ping ENV hook"),
  trial("env webhook remove", "env webhook remove ENV hook"),
  trial("env webhook delivery list", "env webhook delivery list ENV hook"),
  ...["aws-login oidc", "aws-login static", "azure-login oidc", "azure-login static", "gcp-login oidc", "gcp-login static"].map(
    (kind): Trial => ({ name: `env provider ${kind}`, run: { not: "edits an environment, see `env set`" } }),
  ),
  ...["convert", "install", "package add", "package gen-sdk", "package get-schema", "package info", "plugin install"].map(
    (name): Trial => ({ name, run: { not: "looks up packages, see below" } }),
  ),
  { name: "logs share", run: { not: "shares logs with Pulumi only" } },
  ...local("about env", "convert-trace", "view-trace", "do", "do show-resources", "events filter", "replay-events"),
  ...local("gen-completion", "gen-markdown", "generate-cli-spec", "help", "version", "schema check"),
  ...local("logs decrypt", "logs list", "logs remove", "neo acp", "policy analyze", "policy new"),
  ...local("package get-mapping", "package new", "package pack-sdk", "package publish-sdk", "plugin list", "plugin remove", "plugin run"),
  { ...trial("logout", "logout URL"), says: /Logged out of/ },
];
