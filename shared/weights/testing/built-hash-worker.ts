/** Imported for its check by tests that hash in a thread: threads run built code. */
import { builtFile } from "../../engine/testing/built-file.js";

builtFile("shared/dist/weights/hash-worker.js");
