// Turns a component into JavaScript and core modules:
// node transpile.mjs COMPONENT DIRECTORY

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { transpile } from "@bytecodealliance/jco-transpile";

const [component, directory] = process.argv.slice(2);
const { files } = await transpile(component, {
  name: "component",
  // So that `host.mjs` gives it what it imports.
  instantiation: { tag: "sync" },
  noTypescript: true,
});
for (const [name, content] of Object.entries(files)) {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}
