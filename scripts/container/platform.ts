/** The platforms that images are built for. */

export interface Platform {
  os: "linux";
  arch: "x64" | "arm64";
}

/** Docker's names beside Node's. */
const ARCHITECTURES: Readonly<Record<string, Platform["arch"]>> = {
  x64: "x64",
  amd64: "x64",
  arm64: "arm64",
  aarch64: "arm64",
};

/** The platform that `text` names: `linux/x64`, `linux/amd64`, `linux/arm64`. Throws for any other. */
export function readPlatform(text: string): Platform {
  const [os, name = ""] = text.split("/");
  const arch = ARCHITECTURES[name];
  if (os === "linux" && arch) return { os, arch };
  throw new Error(`platform: wants linux/x64 or linux/arm64, found ${text}`);
}

export function platformName({ os, arch }: Platform): string {
  return `${os}/${arch}`;
}
