export { SOURCE_ERRORS, type SourceError, SourceForbidden, SourceUnreachable } from "./errors.js";
export { DEFAULT_SOURCE_POLICY, fetchSource, type SourceOptions, type SourcePolicy } from "./fetch-source.js";
export { steadyConnector } from "./steady-connector.js";
