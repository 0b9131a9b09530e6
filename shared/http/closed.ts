/** What became of a client: still there, gone, or answered. */
import type { ServerResponse } from "node:http";
import { Cancelled } from "@armature/core";
import { PROBLEMS } from "./problem.js";

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

/** The status that a finished exchange had: the one that was sent, or that of `cancelled` if the client did not wait for it. */
export function answeredStatus(res: ServerResponse): number {
  return res.writableFinished ? res.statusCode : PROBLEMS.cancelled.status;
}
