/** What stages and adapters know of what is served. */
import type { NetworkForms } from "../facts/device-settings.js";
import type { ServedFacts } from "../facts/served-facts.js";
import type { Served } from "./served.js";

/** The facts of what is served. Requests were resolved against the same, so a name that is missing is a fault of the program. */
export const factsOf = ({ models, adapters }: Served, forms: NetworkForms): ServedFacts => ({
  model: (id) =>
    required(
      models.find((model) => model.id === id),
      id,
    ),
  adapterConfig: (id) =>
    required(
      adapters.find((adapter) => adapter.id === id),
      id,
    ).config,
  forms,
});

function required<T>(found: T | undefined, name: string): T {
  if (found) return found;
  throw new Error(`The engine does not serve ${name}`);
}
