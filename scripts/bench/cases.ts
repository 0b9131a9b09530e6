/** What the benchmark measures: each workload of each model in each form. */
import { callSizes, type DrawnPictures } from "./call-sizes.js";
import { configOf, configsOfFolders } from "./configs.js";
import { benchNetwork, type ComponentNetwork, type Components, chosenNames, kindOf } from "./networks.js";
import { type Form, hasForm, type TimedNetwork } from "./timed-network.js";
import { controlnetsOf, networksOf, type OpenedWorkload, WORKLOADS } from "./workloads.js";

export interface BenchModel {
  name: string;
  /** UNet, VAE, text encoder and ControlNet of the model, and the optional networks that it has. */
  components: Components;
  forms: Form[];
  /** Side of its pictures, in pixels. */
  size: number;
}

/** One workload in one form, ready for a process of its own: plain JSON. */
export interface Measurement extends OpenedWorkload {
  components: Components;
  /** Side of its pictures, in pixels. */
  size: number;
  /** Pictures of a request, with guidance. */
  pictures: number;
  /** Timed runs after one to warm up. */
  repeats: number;
}

export interface Case {
  model: string;
  measurement: Measurement;
}

/** A picture is the sum of the others: it is measured only where its growth is. */
const USUAL_WORKLOADS = WORKLOADS.filter((workload) => workload !== "picture");

/** Steps take seconds, a text a tenth of one. */
const REPEATS_FACTOR: Readonly<Record<string, number>> = { "text encoder": 5 };

export interface CaseOptions {
  cache: string;
  threads: number;
  repeats: number;
  /** The factor `token_downsampling` of the steps; 1: none. */
  tokenDownsampling: number;
}

/** Fields in which a measurement differs from one step for one picture of the model's size. */
export type Asked = Partial<Pick<Measurement, "size" | "pictures" | "controlnets" | "steps" | "threads">>;

/**
 * `only`: names of workloads, parted by commas; undefined: the usual ones. A model without the component of a workload has no case of it.
 * Throws by name where there is no such workload, or no model has its component.
 */
export function listCases(models: readonly BenchModel[], only: string | undefined, options: CaseOptions): Case[] {
  const workloads = only === undefined ? USUAL_WORKLOADS : chosenWorkloads(only, models);
  return models.flatMap((model) =>
    workloads
      .filter((workload) => missingOf(workload, model) === undefined)
      .flatMap((workload) =>
        formsOf(workload, model).map((form) => ({
          model: model.name,
          measurement: measurementOf(model, workload, form, options),
        })),
      ),
  );
}

function chosenWorkloads(only: string, models: readonly BenchModel[]): string[] {
  const workloads = chosenNames(only.split(","), "--only", WORKLOADS);
  for (const workload of workloads) {
    const missing = models.map((model) => missingOf(workload, model));
    if (missing.includes(undefined)) continue;
    throw new Error(`--only: no model here has what ${workload} wants; name it with --components ${missing[0]}=FOLDER`);
  }
  return workloads;
}

/** The first component that the model lacks. */
const missingOf = (workload: string, { components }: BenchModel): string | undefined =>
  networksOf(workload, controlnetsOf(workload)).find(({ component }) => !(component in components))?.component;

/** What to measure of a workload: its networks, at the sizes that the calls of such a request have. */
export function measurementOf(
  { components, size }: BenchModel,
  workload: string,
  form: Form,
  { cache, threads, repeats, tokenDownsampling }: CaseOptions,
  asked: Asked = {},
): Measurement {
  const usual = { size, pictures: 1, controlnets: controlnetsOf(workload), steps: 1, threads };
  const how = { ...usual, ...asked };
  const drawn = { side: how.size, pictures: how.pictures, tokenDownsampling };
  return {
    ...{ workload, form, components, cache, ...how, repeats: repeats * (REPEATS_FACTOR[workload] ?? 1) },
    networks: timedNetworks(networksOf(workload, how.controlnets), components, drawn),
  };
}

function timedNetworks(
  networks: readonly ComponentNetwork[],
  components: Components,
  drawn: DrawnPictures,
): TimedNetwork[] {
  const configs = configsOfFolders(components);
  const sizesOf = callSizes(configs, drawn);
  return networks.map((timed) => {
    const network = benchNetwork(timed).open(configOf(configs, timed.component));
    return { ...timed, folder: components[timed.component]!, sizes: sizesOf(kindOf(timed.component), network) };
  });
}

/** The forms to measure: 8 bits are left out where no network of the workload allows them. */
function formsOf(workload: string, { forms }: BenchModel): Form[] {
  const networks = networksOf(workload, controlnetsOf(workload)).map(benchNetwork);
  return forms.filter((form) => networks.some((network) => hasForm(network, form)));
}
