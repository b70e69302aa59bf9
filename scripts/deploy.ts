/**
 * `npm run deploy [-- --secrets-file FILE] [-- --dry-run]`: migrations first, then the code that needs them. The very
 * first time there is no database yet: then the deploy makes it, and the migrations follow (platform-facts P-3).
 */
import { mustWrangle, wrangler } from "./wrangler.ts";

const args = process.argv.slice(2);
if (args.includes("--dry-run")) {
  mustWrangle(["deploy", "--outdir", "dist", ...args], true);
} else {
  const migrate = ["d1", "migrations", "apply", "DB", "--remote"];
  const applied = wrangler(migrate).code === 0;
  mustWrangle(["deploy", ...args], true);
  if (!applied) mustWrangle(migrate, true);
}
