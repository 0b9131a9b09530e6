export { defaultCacheFolder } from "./cache-folder.js";
export { commaList, configHelp, configTable, flag, readConfig } from "./env.js";
export { describe, quote } from "./wording.js";
