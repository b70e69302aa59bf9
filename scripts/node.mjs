/**
 * Loaded before each script, with `node --import`. The scripts are TypeScript, which Node runs since 22.18. An older Node gets as far as here
 * when `npm ci` has left install scripts out: one of them brings the Node that the project uses.
 */
if (!process.features.typescript) {
  console.error(
    `This needs Node 22.18 or newer, and this is ${process.version}.\n` +
      "`npm ci` brings a newer one for the project alone, unless install scripts are switched off. Then run\n\n" +
      "  npm rebuild node --ignore-scripts=false\n\nor install a newer Node.",
  );
  process.exit(1);
}
