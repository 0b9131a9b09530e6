/** Imported for its check by tests that hash in a thread: threads run built code. */
import { builtFile } from "@armature/core";

builtFile("shared/fetch/dist/hash-worker.js");
