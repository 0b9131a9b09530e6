/** Images with the weights of a deployment baked in, one layer a model: what they would weigh. */
import { type SelectionNames, selectWeights } from "@armature/fetch";
import type { BudgetFile, Deployment } from "./budget-file.js";
import { codeSize, type Measurement } from "./measurement.js";
import { type Verdict, verdictOf } from "./verdict.js";

export interface DeploymentSize {
  deployment: Deployment;
  codeBytes: number;
  weightBytes: number;
  repositories: number;
  verdict: Verdict;
}

const GB = 1e9;

/** The deployments of the budget whose image was measured. */
export function judgeDeployments(measurements: Measurement[], budget: BudgetFile): DeploymentSize[] {
  return budget.deployments.flatMap((deployment) => {
    const measured = measurements.find(({ image }) => image === deployment.image);
    if (!measured) return [];
    const codeBytes = codeSize(measured.layers).unpacked;
    const { bytes: weightBytes, repositories } = plannedWeights(deployment);
    const share = (codeBytes + weightBytes) / (deployment.maxGB * GB);
    return [
      { deployment, codeBytes, weightBytes, repositories, verdict: verdictOf(share, budget.warnAtPercent / 100) },
    ];
  });
}

/** Bytes of the files that the manifest plans for a selection; each file counts once, even if several models need it. */
function plannedWeights(names: SelectionNames): { bytes: number; repositories: number } {
  const selection = selectWeights(names);
  const sizes = selection.flatMap(({ wanted }) => [...wanted.files.values()]);
  return { bytes: sizes.reduce((sum, bytes) => sum + bytes, 0), repositories: selection.length };
}
