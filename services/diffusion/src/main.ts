/** The diffusion service: reads its configuration, builds its parts, listens. */
import { runService } from "@armature/service";
import { Config } from "./config.js";
import { createService } from "./service.js";

await runService({
  name: "diffusion",
  purpose: "Makes pictures from prompts and control images: POST /generate.",
  schema: Config,
  create: createService,
});
