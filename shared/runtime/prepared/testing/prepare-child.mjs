/**
 * Prepares weights in a process of its own, which tests may kill: `prepare-child.mjs CACHE NAME GRAPH WEIGHTS`. Says `ready`, prepares,
 * and says `prepared` or `in place` and the answer's bytes in base64, as a service would compute it.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { preparedForm } from "../../dist/prepared/prepared-weights.js";
import { answer } from "../../dist/prepared/testing/two-convolutions.js";

const [folder, name, graphFile, weightsFile] = process.argv.slice(2);
const weightBytes = statSync(weightsFile).size; // the graph takes them all, in float32
const source = {
  name,
  graph: readFileSync(graphFile),
  weightsFolder: dirname(weightsFile),
  weightsFiles: [weightsFile],
  weightBytes,
};
console.log("ready");
const form = await preparedForm(source, { folder, limitBytes: 1e9, note: () => {} });
const y = await answer((form ?? source).graph, (form ?? source).weightsFolder, form !== undefined);
console.log(form ? "prepared" : "in place");
console.log(Buffer.from(y.buffer, y.byteOffset, y.byteLength).toString("base64"));
