/** Byte counts as people read them: a GB has 10^9 bytes, a MB 10^6. */

/** Bytes in GB, such as `1.72 GB`. */
export const gigabytes = (bytes: number, digits = 2): string => `${(bytes / 1e9).toFixed(digits)} GB`;

/** Bytes in MB, such as `340 MB`. */
export const megabytes = (bytes: number, digits = 0): string => `${(bytes / 1e6).toFixed(digits)} MB`;
