/** Collects shared libraries, and all that they need, as a layer on top of a service's. Runs inside the image build, on Debian. */
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { LayerFolder } from "./container/layer-folder.js";
import { readPlatform } from "./container/platform.js";
import { findLibrary, libraryClosure } from "./container/shared-libraries.js";
import { LIBRARY_FOLDER, writeLibraries, writePackageRecords } from "./container/system-layers.js";

const USAGE = `usage: assemble-libraries --platform linux/amd64 --base FOLDER ... --out FOLDER [--from FOLDER ...] [--for FILE ...] [NAME ...]

  --base FOLDER   layers that the image has already: what they hold is left out; may be given several times
  --from FOLDER   where libraries are looked for, before the system's folder
  --for FILE      a binary whose needs are collected
  NAME            a library that is opened by name at run time, such as libvulkan.so.1`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    platform: { type: "string" },
    base: { type: "string", multiple: true, default: [] },
    out: { type: "string" },
    from: { type: "string", multiple: true, default: [] },
    for: { type: "string", multiple: true, default: [] },
  },
});
const { platform, base, out } = values;
if (!platform || base.length === 0 || !out) throw new Error(USAGE);
assemble(positionals, values.for, base, out, LIBRARY_FOLDER[readPlatform(platform).arch]);

function assemble(names: string[], binaries: string[], present: string[], target: string, systemFolder: string): void {
  const folders = [...values.from, systemFolder];
  const opened = names.map((name) => {
    const source = findLibrary(name, folders);
    if (!source) throw new Error(`${name}: not in ${folders.join(", ")}`);
    return { name, source };
  });
  const known = new Set([...present.flatMap(fileNames), ...names]);
  const needed = libraryClosure([...binaries, ...opened.map(({ source }) => source)], folders, known);
  const layer = new LayerFolder(target);
  writeLibraries(layer, systemFolder, [...opened, ...needed]);
  writePackageRecords(layer, [...opened, ...needed]);
  layer.stamp(Number(process.env.SOURCE_DATE_EPOCH ?? 0));
}

/** Names of the files below `folder`. */
function fileNames(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).map(({ name }) => name);
}
