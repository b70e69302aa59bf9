/** `v3.259.0` of a CLI that names itself `pulumi-cli/1 (v3.259.0; linux)`; empty of any other client. */
export const cliVersionOf = (userAgent: string): string => /^pulumi-cli\/\S+ \((v[^;)\s]{1,60})/.exec(userAgent)?.[1] ?? "";
