/**
 * The diffusion service: reads its configuration, builds its parts, listens. Nothing is imported before the handlers are there: as PID 1
 * of a container a process that has none is not told of SIGTERM. They last until `runService` has something to end.
 */
for (const [signal, number] of [
  ["SIGTERM", 15],
  ["SIGINT", 2],
] as const)
  process.once(signal, () => process.exit(128 + number));

const [{ runService }, { Config }, { createService }] = await Promise.all([
  import("@armature/service"),
  import("./config.js"),
  import("./service.js"),
]);

await runService({
  name: "diffusion",
  purpose: "Makes pictures from prompts and control images: POST /generate.",
  schema: Config,
  create: createService,
});
