/** In what kind of file the pictures are answered. */
import { output as outputForm } from "@armature/contract";
import { defineFeature } from "./feature.js";

export const output = defineFeature({
  fields: () => ({ output: outputForm.default({ format: "png" }).describe("How the pictures are encoded") }),
  *conflicts({ output: { format, quality } }) {
    if (format !== "png" || quality === undefined) return;
    yield { path: ["output", "quality"], message: "wants webp or jpeg as the format: png is always lossless" };
  },
  resolve: ({ output }) => ({ output }),
  parameters: ({ output }) => ({ output }),
});
