/** The preprocessor service: reads its configuration, builds its parts, listens. */
import { runService } from "@armature/service";
import { Config } from "./config.js";
import { createService } from "./service.js";

await runService({
  name: "preprocessor",
  purpose: "Makes control images from pictures: POST /image/{processor}.",
  schema: Config,
  create: createService,
});
