/** Something that happens to the services beside k6's load. */
import type { Stack } from "../services.js";
import type { Claim } from "./claim.js";
import type { Acts } from "./disturber.js";
import type { K6Summary } from "./report.js";

export interface Disturbance {
  /** Further environment of both services. */
  env: Record<string, string>;
  /** Makes ready, and gives what k6 may have done to the running services. */
  begin(stack: Stack): Promise<Acts>;
  /** What is claimed beyond k6's thresholds; called once k6 has ended. */
  claims(k6: K6Summary): Claim[];
  /** Whether memory must stay flat; if not, a claim bounds it. */
  flatMemory: boolean;
  /** Whether requests wait whose pictures are on their way; as many may as wait for their turn. */
  slowPictures: boolean;
  stop(): void;
}
