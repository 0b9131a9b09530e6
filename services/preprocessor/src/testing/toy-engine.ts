/** The engine process of a service with the toy annotators. */
import { serveProcessors } from "../engine/serve-processors.js";
import { TOY_PROCESSORS } from "./toy-annotators.js";

serveProcessors(TOY_PROCESSORS);
