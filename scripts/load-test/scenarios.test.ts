import { readdirSync, readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";

const LOAD_TESTS = new URL("../../load-tests/", import.meta.url);

const scenarios = readdirSync(LOAD_TESTS).filter((file) => file.endsWith(".js"));

/** lib/target.js as k6 would load it with this environment. */
async function target(env: Record<string, string>): Promise<Record<string, unknown>> {
  vi.stubGlobal("__ENV", env);
  return await import(`${new URL("lib/target.js", LOAD_TESTS).href}?${new URLSearchParams(env)}`);
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each([
  "http://example.com:1111",
  "http://10.0.0.1:1111",
  "http://127.0.0.1.example.com:1111",
  "http://localhost:1111@example.com:80",
  "https://127.0.0.1:1111",
])("no load goes to %s", async (address) => {
  await expect(target({ DIFFUSION_URL: address })).rejects.toThrow(
    "DIFFUSION_URL: wants an http address of this machine",
  );
  await expect(target({ PREPROCESSOR_URL: address })).rejects.toThrow("PREPROCESSOR_URL: wants");
});

test("rates and bounds follow from what a picture takes and how many may wait", async () => {
  const found = await target({
    DIFFUSION_URL: "http://[::1]:80",
    PICTURE_S: "0.25",
    QUEUE_LIMIT: "7",
    CONTENTION: "2",
  });
  expect(found).toMatchObject({ DIFFUSION: "http://[::1]:80", CAPACITY: 4, FULL_QUEUE_S: 4, LONGEST_S: 8 });
  await expect(target({ PICTURE_S: "0" })).rejects.toThrow("PICTURE_S: wants a number above 0, found 0");
});

test.each(scenarios)("%s begins with its claim, stops by itself and shows what came of it", (file) => {
  const source = readFileSync(new URL(file, LOAD_TESTS), "utf8");
  expect(source).toMatch(/^\/\*\*\n \* Claim: /);
  expect(source).toMatch(/forS: /);
  expect(source).toContain('export { handleSummary } from "./lib/summary.js"');
  expect(source).toMatch(/export (\{ teardown \} from "\.\/lib\/aftermath\.js"|const teardown = endsReady\()/);
});
