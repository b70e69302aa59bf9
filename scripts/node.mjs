/**
 * Loaded before each script, with `node --import`. The scripts are TypeScript, which Node runs since 22.18. An older Node runs only when
 * `npm ci` has skipped install scripts, because one of them installs the Node that the project uses.
 */
if (!process.features.typescript) {
  console.error(
    `This script needs Node 22.18 or newer, but this is ${process.version}.\n` +
      "`npm ci` installs a newer one for this project only, unless install scripts are disabled. Then run\n\n" +
      "  npm rebuild node --ignore-scripts=false\n\nor install a newer Node.",
  );
  process.exit(1);
}
