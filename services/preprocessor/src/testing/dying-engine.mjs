/** An engine process that ends in its first call, after the event that the options say; the next one finds the file and answers. */
import { existsSync, writeFileSync } from "node:fs";
import { serveEngine } from "@armature/engine";

serveEngine(async () => ({
  annotate: async ({ image, options: { event, file } }, call) => {
    call.progress(event);
    await call.checkpoint();
    if (existsSync(file)) return { image, inferenceMs: 1, loadMs: 1 };
    writeFileSync(file, "");
    process.exit(5);
  },
}));
