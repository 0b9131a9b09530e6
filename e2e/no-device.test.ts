/** Both services on a machine without a GPU, which any Linux machine is once its Vulkan drivers are hidden. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { modelsResponse, processorsResponse } from "@armature/contract";
import { afterAll, describe, expect, test } from "vitest";
import { type ServiceName, serviceEntry, startService } from "../scripts/services.js";

/** The Vulkan loader is told of a driver that is not there, and asks for no other; CUDA sees no card. */
const NO_DRIVER = { VK_ICD_FILENAMES: "/none/icd.json", VK_DRIVER_FILES: "/none/icd.json", CUDA_VISIBLE_DEVICES: "-1" };

const cacheDir = mkdtempSync(join(tmpdir(), "armature-no-device-"));
afterAll(() => rmSync(cacheDir, { recursive: true }));

const environment = (device: string) => ({ ...NO_DRIVER, DEVICE: device, CACHE_DIR: cacheDir, PORT: "0" });

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function run(service: ServiceName, device: string, ...args: string[]): Promise<Ended> {
  const env = { ...process.env, ...environment(device) };
  return new Promise((done) => {
    execFile(process.execPath, [serviceEntry(service), ...args], { env }, (error, stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

const SERVICES = {
  preprocessor: { path: "/processors", schema: processorsResponse },
  diffusion: { path: "/models", schema: modelsResponse },
} as const;

describe.each(["preprocessor", "diffusion"] as const)("the %s service", (service) => {
  test.each([
    ["webgpu", "There is no webgpu device: no graphics driver offers an adapter"],
    ["cuda", "There is no cuda device: "],
  ])("with DEVICE=%s ends the start with one line, and 1", async (device, words) => {
    for (const args of [[], ["--device-check"]]) {
      const { code, stdout, stderr } = await run(service, device, ...args);
      expect(stderr.trim().split("\n")).toEqual([expect.stringContaining(`${service}: ${words}`)]);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    }
  });

  test("with DEVICE=auto computes on the CPU, and says why in its log and its answers", async () => {
    const lines: string[] = [];
    const process = await startService(service, { ...environment("auto"), LOG_LEVEL: "info" }, (line) =>
      lines.push(line),
    );
    const { path, schema } = SERVICES[service];
    const { device } = schema.parse(await (await fetch(process.url + path)).json());
    expect(await process.stop()).toBe(0);
    const reason = "There is no webgpu device: no graphics driver offers an adapter";
    expect(device).toMatchObject({ name: "cpu", checks: [] });
    expect(device.rejected.map(({ form }) => form)).toEqual(["cuda", "webgpu"]);
    expect(device.rejected[1]!.reason).toContain(reason);
    const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(messages).toContainEqual(expect.stringContaining(`webgpu is not used: ${reason}`));
    expect(messages).toContainEqual(expect.stringMatching(/^cpu computes: float32/));
  });

  test("--device-check with DEVICE=auto prints what was found instead of a GPU", async () => {
    const { code, stdout } = await run(service, "auto", "--device-check");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Device +cpu$/m);
    expect(stdout).toMatch(/^Rejected: webgpu: There is no webgpu device/m);
  });
});
