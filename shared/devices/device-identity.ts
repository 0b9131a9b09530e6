/** What the results of checks depend on: the adapters, their drivers, and the runtime. The runtime itself tells no adapter. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { unlessVanishedSync } from "@armature/core";

const { resolve: resolveModule } = createRequire(import.meta.url);

const ICD_FOLDERS = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
const LIBRARY_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
const PCI_CLASS_DISPLAY = "0x03";

export interface DeviceIdentity {
  /** A digest of all that is below, and of the files behind it. */
  key: string;
  runtime: string;
  /** PCI display devices as `vendor:device`, in hexadecimal. */
  adapters: string[];
  /** Vulkan drivers and NVIDIA's kernel driver. */
  drivers: string[];
}

/** Reads what there is of it; where there is nothing (another operating system), the runtime's version alone counts. */
export function deviceIdentity(env: Readonly<Record<string, string | undefined>>): DeviceIdentity {
  const runtime = runtimeVersion();
  const adapters = pciDisplays();
  const files = driverFiles(env);
  const nvidia = readOr("/proc/driver/nvidia/version").split("\n", 1)[0]!;
  const drivers = [...files.map(({ name }) => name), ...(nvidia ? [nvidia] : [])];
  const seen = { runtime, adapters, drivers, files, platform: `${process.platform} ${process.arch}` };
  return { key: createHash("sha256").update(JSON.stringify(seen)).digest("hex"), runtime, adapters, drivers };
}

function runtimeVersion(): string {
  const manifest = join(dirname(resolveModule("onnxruntime-node")), "..", "package.json");
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

function pciDisplays(): string[] {
  const root = "/sys/bus/pci/devices";
  return listOr(root)
    .filter((name) => readOr(join(root, name, "class")).startsWith(PCI_CLASS_DISPLAY))
    .map((name) => ["vendor", "device"].map((part) => readOr(join(root, name, part)).trim()).join(":"))
    .sort();
}

interface DriverFile {
  name: string;
  /** Path, size and time of the library, which a new version changes. */
  library: string;
}

/** The Vulkan drivers that the loader would find. */
function driverFiles(env: Readonly<Record<string, string | undefined>>): DriverFile[] {
  const named = env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES;
  const manifests = named
    ? named.split(":")
    : ICD_FOLDERS.flatMap((folder) => listOr(folder).map((name) => join(folder, name)));
  return manifests.filter(existsSync).map((manifest) => {
    const path = libraryOf(manifest);
    const name = manifest
      .split("/")
      .at(-1)!
      .replace(/(_icd)?(\.\w+)?\.json$/, "");
    return { name, library: path ? stamp(path) : readOr(manifest) };
  });
}

function libraryOf(manifest: string): string | undefined {
  try {
    const { ICD } = JSON.parse(readFileSync(manifest, "utf8")) as { ICD: { library_path: string } };
    const path = ICD.library_path;
    const candidates = path.includes("/")
      ? [resolve(dirname(manifest), path)]
      : LIBRARY_FOLDERS.map((folder) => join(folder, path));
    return candidates.find(existsSync);
  } catch {
    return undefined;
  }
}

/** Nothing while an update of the driver is replacing the library. */
function stamp(path: string): string {
  const file = unlessVanishedSync(() => realpathSync(path));
  const found = file && unlessVanishedSync(() => statSync(file));
  return found ? `${file} ${found.size} ${found.mtimeMs}` : "";
}

function listOr(folder: string): string[] {
  return (unlessVanishedSync(() => readdirSync(folder)) ?? []).sort();
}

function readOr(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
