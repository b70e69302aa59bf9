/** The version in the user agent of a CLI: `v3.259.0` of `pulumi-cli/1 (v3.259.0; linux)`. It is empty for any other client. */
export const cliVersionOf = (userAgent: string): string => /^pulumi-cli\/\S+ \((v[^;)\s]{1,60})/.exec(userAgent)?.[1] ?? "";
