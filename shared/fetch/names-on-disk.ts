/** Names that come from a server or a lock file and become paths below the models' folder: nothing may lead out of it. */
import { join } from "node:path";
import { WeightsUnavailable } from "./weights-unavailable.js";

const SEGMENT = /^[^/\\\p{Cc}:*?"<>|]+$/u;
const REPOSITORY = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/;

/** True for `owner/name` (or an old single name) as the Hub allows it. */
export function isRepositoryId(text: string): boolean {
  return REPOSITORY.test(text) && text.length <= 96 && !/\.\.|--|\.git$/.test(text);
}

/** True for a relative path with forward slashes and no part that is empty, `.`, `..` or unfit for some file system. */
export function isFilePath(text: string): boolean {
  return (
    text.length <= 512 &&
    text.split("/").every((part) => part !== "." && part !== ".." && part !== "__proto__" && SEGMENT.test(part))
  );
}

/** Where a repository's file lies below `dir`. Throws WeightsUnavailable for a name that would leave it. */
export function pathOnDisk(dir: string, repository: string, path: string): string {
  if (!isRepositoryId(repository)) {
    throw new WeightsUnavailable("unexpected-answer", `${JSON.stringify(repository)} is not a repository name`);
  }
  if (!isFilePath(path)) {
    throw new WeightsUnavailable("unexpected-answer", `${repository}: refused the file name ${JSON.stringify(path)}`);
  }
  return join(dir, repository, path);
}
