/** The layers `base` and `node`: taken from the Debian image that the build runs in, and only what Node and its native modules link. */
import { execFileSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { readNeeds } from "./elf.js";
import type { LayerFolder } from "./layer-folder.js";
import { IN_IMAGE } from "./layers.js";
import type { Platform } from "./platform.js";
import { type Library, libraryClosure } from "./shared-libraries.js";

/** User and group of the services, far from those of any host. */
const NONROOT = 65532;

/** Debian's name of the platform's library folder. */
export const LIBRARY_FOLDER: Readonly<Record<Platform["arch"], string>> = {
  x64: "/usr/lib/x86_64-linux-gnu",
  arm64: "/usr/lib/aarch64-linux-gnu",
};

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Node without its symbol table, 18 MB that only debuggers read. What native modules link to is in its dynamic symbols, which stay. */
export function writeNodeLayer(layer: LayerFolder): void {
  layer.copy(realpathSync(process.execPath), IN_IMAGE.node, { program: true });
  execFileSync("strip", ["--strip-unneeded", join(layer.root, IN_IMAGE.node)]);
}

/** C and C++ libraries, certificates, and the names of the users. `binaries` are the native modules, `present` what they bring along. */
export function writeBaseLayer(
  layer: LayerFolder,
  { arch }: Platform,
  binaries: string[],
  present: ReadonlySet<string>,
): void {
  const node = realpathSync(process.execPath);
  const { interpreter } = readNeeds(node) ?? {};
  if (!interpreter) throw new Error(`${node}: not a dynamically linked program`);
  const folder = LIBRARY_FOLDER[arch];
  const loader = { name: basename(interpreter), source: realpathSync(interpreter) };
  const known = new Set([...present, loader.name]);
  const libraries = libraryClosure([node, ...binaries], [folder], known);

  // Debian's merged /usr: the loader and old paths are found by these links
  layer.link("/lib", "usr/lib");
  layer.link("/lib64", "usr/lib64");
  layer.copy(loader.source, `/usr${interpreter}`, { program: true });
  if (!interpreter.startsWith("/lib64/")) layer.folder("/usr/lib64", 0o755);
  writeLibraries(layer, folder, libraries);
  writePackageRecords(layer, [loader, ...libraries]);

  // where container engines mount, which they cannot create on a read-only root
  for (const mountPoint of ["/dev", "/proc", "/sys"]) layer.folder(mountPoint, 0o755);
  layer.folder("/tmp", 0o1777);
  layer.copy(CERTIFICATES, CERTIFICATES);
  layer.copy("/etc/os-release", "/etc/os-release");
  layer.write("/etc/passwd", `root:x:0:0:root:/:/nologin\nnonroot:x:${NONROOT}:${NONROOT}:nonroot:/cache:/nologin\n`);
  layer.write("/etc/group", `root:x:0:\nnonroot:x:${NONROOT}:\n`);
  layer.write("/etc/nsswitch.conf", "hosts: files dns\n");
}

export function writeLibraries(layer: LayerFolder, folder: string, libraries: Library[]): void {
  for (const { name, source } of libraries) layer.copy(source, `${folder}/${name}`);
}

/** Licences, and the records by which image scanners find a package's version: one file a package, as distroless images have it. */
export function writePackageRecords(layer: LayerFolder, libraries: Library[]): void {
  const packages = new Set(libraries.flatMap(({ source }) => owningPackage(source) ?? []));
  for (const name of packages) {
    const copyright = `/usr/share/doc/${name}/copyright`;
    if (existsSync(copyright)) layer.copy(realpathSync(copyright), copyright);
    layer.write(`/var/lib/dpkg/status.d/${name}`, execFileSync("dpkg-query", ["--status", name], { encoding: "utf8" }));
  }
}

/** The Debian package that `file` came with, without its architecture; undefined if none claims it. */
function owningPackage(file: string): string | undefined {
  try {
    // packages may claim the path before /usr was merged
    const claims = execFileSync("dpkg-query", ["--search", `*/${basename(file)}`], { encoding: "utf8", stdio: "pipe" });
    return claims.split(/[:,]/, 1)[0];
  } catch {
    return undefined;
  }
}
