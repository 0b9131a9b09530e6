/** The diffusion service: reads its configuration, builds its parts, listens. */
import { runService } from "@armature/shared/http/run-service";
import { Config } from "./config.js";
import { deviceCheck } from "./device-check.js";
import { createService } from "./http/service.js";

if (process.argv.includes("--device-check")) process.exitCode = await deviceCheck();
else {
  await runService({
    name: "diffusion",
    purpose:
      "Makes pictures from prompts and control images: POST /generate. --device-check says what the device can do.",
    schema: Config,
    create: createService,
  });
}
