export { type ObjectAddress, parseS3Url } from "./address.js";
export { ObjectStoreError } from "./errors.js";
export { openS3Store } from "./open-store.js";
export type { ObjectFacts, S3Options, S3Store } from "./s3-store.js";
