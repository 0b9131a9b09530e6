/** The names that `--list` prints, each with where its weights are published. */
import { ANNOTATORS, BASE_MODELS, CONTROLNETS, EXTRAS } from "@armature/fetch";

export function knownNames(): string {
  const line = ([name, { repository }]: [string, { repository: string }]) => `  ${name.padEnd(26)}${repository}`;
  const annotators = Object.entries(ANNOTATORS).map(([id, weights]) => {
    const files = weights.flatMap(({ repository, files }) => Object.keys(files).map((path) => `${repository}/${path}`));
    return `  ${id.padEnd(26)}${files.join(", ") || "none needed"}`;
  });
  return [
    "Models",
    ...Object.entries(BASE_MODELS).map(line),
    "ControlNets",
    ...Object.entries(CONTROLNETS).map(line),
    "Annotators",
    ...annotators,
    "Extras",
    ...Object.entries(EXTRAS).map(line),
  ].join("\n");
}
