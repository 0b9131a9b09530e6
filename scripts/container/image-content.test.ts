import { readdirSync } from "node:fs";
import { ROOT } from "@armature/core";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS, SERVICES, type ServiceName, serviceContent } from "./image-content.js";
import { layerOf } from "./layers.js";
import type { Platform } from "./platform.js";

const HERE = { os: "linux", arch: process.arch } as Platform;

test("every embedded model belongs to the image of one service", () => {
  const notModels = ["examples", "training"];
  const folders = readdirSync(`${ROOT}models`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).filter((name) => !notModels.includes(name))).toEqual(
    Object.keys(EMBEDDED_MODELS).sort(),
  );
});

test.each(SERVICES)(
  "the %s image holds its entry, its engine's and its health check, and nothing of tests or of the other",
  (service) => {
    const paths = serviceContent(ROOT, service, HERE).files.map(({ path }) => path);
    expect(paths).toContain(`/app/services/${service}/dist/main.js`);
    expect(paths).toContain(`/app/services/${service}/dist/engine/engine-main.js`);
    expect(paths).toContain("/app/dockerfiles/healthcheck.mjs");
    const [other] = SERVICES.filter((name) => name !== service);
    expect(
      paths.filter((path) => path.startsWith(`/app/services/${other}`) || /\.test\.js|\/testing\/|vitest/.test(path)),
    ).toEqual([]);
    expect(paths.filter((path) => path.endsWith("/onnxruntime_binding.node"))).toHaveLength(1);
  },
);

test("the S3 client lies in the image that fetches weights, and not in the preprocessor's", () => {
  const holdsClient = (service: ServiceName) =>
    serviceContent(ROOT, service, HERE).files.some(({ path }) => path.includes("/@aws-sdk/"));
  expect(SERVICES.filter(holdsClient)).toEqual(["diffusion"]);
});

test.each(SERVICES)("every workspace of the %s image is linked under its name", (service) => {
  const { files, links } = serviceContent(ROOT, service, HERE);
  const built = files.flatMap(({ path }) => /^\/app\/shared\/(\w+)\/dist\/index\.js$/.exec(path)?.[1] ?? []);
  expect(links.map(({ path }) => path)).toEqual(built.map((name) => `/app/node_modules/@armature/${name}`));
  expect(built).toContain("engine");
});

test("a file's place says which layer it belongs to", () => {
  expect(layerOf("/usr/local/bin/node")).toBe("node");
  expect(layerOf("/usr/lib/x86_64-linux-gnu/libc.so.6")).toBe("base");
  expect(layerOf("/app/node_modules/zod/index.js")).toBe("dependencies");
  expect(layerOf("/app/models/tiny-sd/unet/config.json")).toBe("weights");
  expect(layerOf("/weights/owner/name/model.safetensors")).toBe("weights");
  expect(layerOf("/app/services/diffusion/dist/main.js")).toBe("app");
  expect(layerOf("/application")).toBe("base");
});
