/** What clients of the diffusion service speak: the face for scripts, pages and tests. */

export type { GenerateLimits } from "../features/limits.js";
export type { GenerateEvent } from "./events.js";
export {
  type GenerateParameters,
  type GenerateRequest,
  type GenerateResponse,
  generateRequest,
  generateResponse,
} from "./generate.js";
