/** The preprocessor's engine process. */
import { PROCESSORS } from "../annotators/index.js";
import { serveProcessors } from "./serve-processors.js";

serveProcessors(PROCESSORS);
