/** A network as annotators use it: how the folder of its model is recognised, read, and turned into what `run` takes. */
import type { ConfiguredNetwork } from "@armature/graph";
import type { Session } from "@armature/runtime";
import type { WeightView } from "@armature/weights";

export interface AnnotatorNetwork<Opened> {
  /** Family of models that fit, such as `DPT`, as messages name it: a `DPT` depth model. */
  family: string;
  /** Name that a model folder's config.json has among its `architectures`. */
  architecture: string;
  /** Id of the model that is the default wherever it is; without it, the first there is by name. */
  preferred?: string;
  /** Id of a published model, for the message that there is none. */
  example: string;
  /** Reads config and header, no weights. Throws InvalidModel, naming file and key, for what the network cannot compute. */
  read(folder: string): ReadNetwork<Opened>;
}

interface ReadNetwork<Opened> {
  network: ConfiguredNetwork;
  weights: WeightView;
  /** The open session as annotators call it. */
  use(session: Session): Opened;
}
