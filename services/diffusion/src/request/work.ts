/** How much work a request is, for the queue: admission and Retry-After go by it. */
import type { GenerateRequest, Precision } from "@armature/contract";
import { planEvaluations } from "../pipeline/evaluation-plan.js";

/** Shares of a UNet evaluation with guidance, counted or measured at full size (docs/performance.md). */
const CONTROLNET = 0.33;
const SHALLOW = 0.08;
const INT8 = 0.6;
const DOWNSAMPLED = 0.8;

export interface WorkInputs {
  /** The networks' calls of a run. */
  evaluations: number;
  guidanceScale: number;
  precision: Precision | undefined;
  /** Width x height x pictures. */
  pixels: number;
}

type Savings = Pick<GenerateRequest, "guidance_interval" | "cache_interval" | "token_downsampling" | "controlnets">;

/** Pixels x pictures x evaluations, each counted as its share of one with guidance and without ControlNets or savings. */
export function estimatedWork(request: Savings, { evaluations, guidanceScale, precision, pixels }: WorkInputs): number {
  const [start, end] = request.guidance_interval;
  const plan = planEvaluations({
    total: evaluations,
    guidance: guidanceScale > 1 ? { interval: { start, end } } : undefined,
    controls: request.controlnets.map((net) => ({ start: net.control_guidance_start, end: net.control_guidance_end })),
    cacheInterval: request.cache_interval,
  });
  const shares = plan.map(({ guided, whole, controls }) => {
    return (guided ? 1 : 0.5) * (whole ? 1 + CONTROLNET * controls.length : SHALLOW);
  });
  const layers = (precision === "int8" ? INT8 : 1) * (request.token_downsampling > 1 ? DOWNSAMPLED : 1);
  return pixels * layers * shares.reduce((sum, share) => sum + share, 0);
}
