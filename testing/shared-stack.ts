/** Both services for all tests of a file. */
import { afterAll, beforeAll } from "vitest";
import { type Stack, startStack } from "../scripts/services.js";
import { StackClient } from "./stack-client.js";

/** Starts both services before the file's tests and stops them after; what is returned is filled in meanwhile. */
export function sharedStack(): { stack: Stack; client: StackClient } {
  const shared = {} as { stack: Stack; client: StackClient };
  beforeAll(async () => {
    shared.stack = await startStack({ env: { LOG_LEVEL: "error" } });
    shared.client = new StackClient(shared.stack.diffusion.url);
  });
  afterAll(() => shared.stack.stop());
  return shared;
}
