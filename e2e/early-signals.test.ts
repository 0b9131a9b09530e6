/** A service hears SIGTERM from its first line on: before that a container's PID 1 is not told of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { builtFile } from "@armature/core";
import { expect, test } from "vitest";

/** Sends the signal as soon as there is a handler, and tells whether Node's HTTP server was loaded by then: all of the service is. */
const SIGNAL_AT_FIRST_HANDLER = `
process.on("newListener", function sent(event) {
  if (event !== "SIGTERM") return;
  process.off("newListener", sent);
  process.stdout.write(String(process.moduleLoadList.includes("NativeModule _http_server")));
  setImmediate(() => process.kill(process.pid, "SIGTERM"));
});`;

test.each(["diffusion", "preprocessor"])("%s ends at SIGTERM while it is still being loaded", async (name) => {
  const preload = `data:text/javascript,${encodeURIComponent(SIGNAL_AT_FIRST_HANDLER)}`;
  const child = spawn(process.execPath, ["--import", preload, builtFile(`services/${name}/dist/main.js`)], {
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
  });
  const [code] = await once(child, "close");
  expect({ code, said }).toEqual({ code: 143, said: "false" });
});
