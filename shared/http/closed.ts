/** Whether the client is still there. */
import type { ServerResponse } from "node:http";
import { Cancelled } from "@armature/core";

/** A signal that aborts when the connection closes before the answer was sent in full. An answered request never aborts it. */
export function closed(res: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const onClose = () => {
    if (!res.writableFinished) controller.abort(new Cancelled("The client closed the connection"));
  };
  if (res.closed) onClose();
  else res.once("close", onClose);
  return controller.signal;
}
