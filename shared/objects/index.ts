export { ObjectStoreError } from "./errors.js";
export { openS3Store } from "./open-store.js";
export type { S3Store } from "./s3-store.js";
