/** Check of the way back from the device. */
import { type Check, writeCase } from "./check.js";
import { SeededValues } from "./seeded-scope.js";

/** What goes to the device comes back. The first check: it shows whether the device can be used at all. */
export const download: Check = function* (profile, finish) {
  const values = new SeededValues(1);
  const data = values.draw(1031);
  yield writeCase(
    { label: "1031 numbers", inputs: { x: { data, shape: [1031] } }, values, graph: (_, { x }) => x!, expected: data },
    profile,
    finish,
  );
};
