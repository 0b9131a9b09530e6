import { readdirSync } from "node:fs";
import { ROOT } from "@armature/shared/engine/testing/built-file";
import { expect, test } from "vitest";
import { EMBEDDED_MODELS, SERVICES, serviceContent } from "./image-content.js";
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
    const paths = serviceContent(ROOT, service, HERE).map(({ path }) => path);
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

test("a file's place says which layer it belongs to", () => {
  expect(layerOf("/usr/local/bin/node")).toBe("node");
  expect(layerOf("/usr/lib/x86_64-linux-gnu/libc.so.6")).toBe("base");
  expect(layerOf("/app/node_modules/zod/index.js")).toBe("dependencies");
  expect(layerOf("/app/models/tiny-sd/unet/config.json")).toBe("weights");
  expect(layerOf("/weights/owner/name/model.safetensors")).toBe("weights");
  expect(layerOf("/app/services/diffusion/dist/main.js")).toBe("app");
  expect(layerOf("/application")).toBe("base");
});
