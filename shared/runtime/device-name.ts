/** What a session computes on: an execution provider of the runtime. */
export type DeviceName = "cpu" | "webgpu" | "cuda";
