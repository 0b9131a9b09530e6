export { type Access, isLoopback } from "./access.js";
export { type AppOptions, createApp, type ServiceApp } from "./app.js";
export { jsonBody, jsonOrImageBody, releaseBody } from "./body.js";
export { clientOf } from "./client.js";
export { closed } from "./closed.js";
export {
  MethodNotAllowed,
  NotAcceptable,
} from "./errors.js";
export { streamEvents } from "./event-stream.js";
export { createMetrics, type ServiceMetrics } from "./metrics.js";
export type { MediaTypes, RouteDeclaration } from "./openapi.js";
export type { Obstacle } from "./operation-routes.js";
export { requestId, type ServiceErrors, toProblem } from "./problem.js";
export { addLogFields, createLogger, LOG_LEVELS } from "./request-log.js";
export { onTermination, type RunningServer, type ServerOptions, startServer } from "./server.js";
