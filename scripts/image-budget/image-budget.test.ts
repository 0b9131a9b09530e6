import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { builtFile, ROOT } from "@armature/core";
import { expect, test } from "vitest";
import { measureImage } from "./measure-image.js";
import type { Measurement } from "./measurement.js";
import type { Line } from "./verdict.js";

const COMMAND = builtFile("scripts/dist/image-budget.js");
const MB = 1e6;

interface Report {
  images: { measurement: Measurement; lines: Line[] }[];
  misplaced: string[];
}

function imageBudget(...args: string[]): { status: number | null; text: string; report: Report } {
  const json = join(mkdtempSync(join(tmpdir(), "budget-")), "report.json");
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...args, "--json", json], {
    encoding: "utf8",
  });
  return { status, text: stdout + stderr, report: JSON.parse(readFileSync(json, "utf8")) as Report };
}

function line({ report }: { report: Report }, image: string, part: Line["part"]): Line {
  const found = report.images
    .find(({ measurement }) => measurement.image === image)
    ?.lines.find((l) => l.part === part);
  if (!found) throw new Error(`${image} ${part}: not measured`);
  return found;
}

/** A project whose parts are this one's, but for the preprocessor's built code, which is a copy. */
function projectCopy(): string {
  const root = mkdtempSync(join(tmpdir(), "project-"));
  const linked = [
    "node_modules",
    "shared",
    "models",
    "scripts",
    "dockerfiles",
    "services/diffusion",
    "package.json",
    "package-lock.json",
  ];
  mkdirSync(join(root, "services/preprocessor"), { recursive: true });
  for (const path of linked) symlinkSync(join(ROOT, path), join(root, path));
  copyFileSync(join(ROOT, "services/preprocessor/package.json"), join(root, "services/preprocessor/package.json"));
  cpSync(join(ROOT, "services/preprocessor/dist"), join(root, "services/preprocessor/dist"), { recursive: true });
  return root;
}

/** A file of zeros that takes no space. */
function addFile(path: string, bytes: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
  truncateSync(path, bytes);
}

test("what is installed and built here is within its budget, and 50 MB more in one image are not", () => {
  const root = projectCopy();
  const before = imageBudget("--root", root, "--platform", "linux/x64");
  expect(before.text).toContain("biggest files");
  expect(before.status).toBe(0);

  addFile(join(root, "services/preprocessor/dist/large.js"), 50 * MB);
  const after = imageBudget("--root", root, "--platform", "linux/x64");
  expect(after.status).toBe(1);
  expect(after.text).toMatch(/app +5\d\.\d of +5 MB .*OVER BUDGET/);
  expect(line(after, "preprocessor:cpu", "code").verdict).toBe("over");
  expect(line(after, "diffusion:cpu", "code").verdict).not.toBe("over");
  const added = after.report.images
    .flatMap(({ measurement }) => measurement.files)
    .filter(({ bytes }) => bytes === 50 * MB);
  expect(added).toEqual([{ layer: "app", path: "/app/services/preprocessor/dist/large.js", bytes: 50 * MB }]);
});

/** A root filesystem with one file a layer. */
function rootFilesystem(extra: Record<string, number> = {}): string {
  const root = mkdtempSync(join(tmpdir(), "root-"));
  const files = {
    "usr/lib/libc.so.6": 0.2 * MB,
    "usr/local/bin/node": 10 * MB,
    "app/node_modules/onnxruntime-node/libonnxruntime.so.1": 5 * MB,
    "app/models/tiny-sd/model.safetensors": 2 * MB,
    "app/services/diffusion/dist/main.js": 0.1 * MB,
    ...extra,
  };
  for (const [path, bytes] of Object.entries(files)) addFile(join(root, path), bytes);
  return root;
}

/** An OCI layout whose layers are these folders of a root filesystem. */
function ociLayout(root: string, layers: string[][]): string {
  const folder = mkdtempSync(join(tmpdir(), "oci-"));
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  const blob = (bytes: Buffer) => {
    const hash = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(folder, "blobs/sha256", hash), bytes);
    return { digest: `sha256:${hash}`, size: bytes.length };
  };
  const tar = (paths: string[]) =>
    execFileSync("tar", ["--create", "--directory", root, ...paths], { maxBuffer: 1 << 28 });
  const manifest = { layers: layers.map((paths) => blob(gzipSync(tar(paths)))) };
  const index = { manifests: [blob(Buffer.from(JSON.stringify(manifest)))] };
  writeFileSync(join(folder, "index.json"), JSON.stringify(index));
  return folder;
}

const LAYERS = [["usr/lib"], ["usr/local"], ["app/node_modules"], ["app/models"], ["app/services"]];

test("a built image is weighed layer by layer, from a layout, an archive and a root filesystem alike", async () => {
  const root = rootFilesystem();
  const layout = ociLayout(root, LAYERS);
  const archive = `${layout}.tar`;
  execFileSync("tar", ["--create", "--file", archive, "--directory", layout, "."]);
  for (const source of [layout, archive, root]) {
    const { layers, files } = await measureImage("diffusion:cpu", source);
    const unpacked = Object.fromEntries(Object.entries(layers).map(([layer, size]) => [layer, size.unpacked / MB]));
    expect(unpacked).toEqual({ base: 0.2, node: 10, dependencies: 5, weights: 2, app: 0.1 });
    expect(files).toHaveLength(5);
    expect(layers.node.compressed).toBeGreaterThan(5000);
    expect(layers.node.compressed).toBeLessThan(0.1 * MB);
  }
  const { layers } = await measureImage("diffusion:cpu", layout);
  const blobs = readdirSync(join(layout, "blobs/sha256")).map((name) =>
    readFileSync(join(layout, "blobs/sha256", name)),
  );
  const transferred = blobs.filter((blob) => blob[0] === 0x1f).reduce((sum, blob) => sum + blob.length, 0);
  expect(Object.values(layers).reduce((sum, { compressed }) => sum + compressed, 0)).toBe(transferred);
});

test("a built image with a layer over its budget fails, and so do weights among the code", () => {
  const budgetArgs = (source: string) => ["--image", `diffusion:cpu=${source}`];
  expect(imageBudget(...budgetArgs(rootFilesystem())).status).toBe(0);
  const large = imageBudget(...budgetArgs(rootFilesystem({ "app/node_modules/large.node": 78 * MB })));
  expect(large.status).toBe(1);
  expect(line(large, "diffusion:cpu", "dependencies").verdict).toBe("over");
  const misplaced = imageBudget(...budgetArgs(rootFilesystem({ "app/services/diffusion/model.onnx": 1000 })));
  expect(misplaced.status).toBe(1);
  expect(misplaced.report.misplaced).toEqual(["/app/services/diffusion/model.onnx"]);
});

test("a layer near its budget is said to be, without failing", () => {
  const near = imageBudget("--image", `diffusion:cpu=${rootFilesystem({ "app/node_modules/more.node": 71 * MB })}`);
  expect(near.status).toBe(0);
  expect(line(near, "diffusion:cpu", "dependencies").verdict).toBe("near");
  expect(near.text).toMatch(/dependencies .*near its budget/);
});

test("an image that the budget does not know is refused by name", () => {
  const { status, stderr } = spawnSync(process.execPath, [COMMAND, "--image", `other:cpu=${rootFilesystem()}`], {
    encoding: "utf8",
  });
  expect(status).toBe(2);
  expect(stderr).toContain("other:cpu: not in the budget; it knows preprocessor:cpu, diffusion:cpu");
});

test("the chart shows every image with its layers and its budget", () => {
  const svg = join(mkdtempSync(join(tmpdir(), "chart-")), "sizes.svg");
  imageBudget("--image", `diffusion:cpu=${rootFilesystem()}`, "--svg", svg);
  const chart = readFileSync(svg, "utf8");
  expect(chart).toContain(">diffusion:cpu</text>");
  expect(chart).toContain(">15.3 of 190 MB code</text>");
  expect(chart).toContain(`fill="#0072B2"`);
});
