import { expect, test } from "vitest";
import type { ControlUnit } from "./control.js";
import { type EvaluationPlanInputs, planEvaluations } from "./evaluation-plan.js";

const unit = (start: number, end: number) => ({ start, end }) as ControlUnit;

/** One letter an evaluation: W and w whole, with and without guidance; s shallow. */
function letters(inputs: Partial<EvaluationPlanInputs<ControlUnit>>): string {
  const plan = planEvaluations({ total: 10, guidance: undefined, controls: [], cacheInterval: 3, ...inputs });
  return plan.map(({ whole, guided }) => (whole ? (guided ? "W" : "w") : "s")).join("");
}

const guidance = (start: number, end: number) => ({ scale: 5, rescale: 0, interval: { start, end } });

test("an interval of 1 makes every evaluation whole and keeps nothing", () => {
  const plan = planEvaluations({ total: 4, guidance: undefined, controls: [], cacheInterval: 1 });
  expect(plan.map(({ whole, keep }) => [whole, keep])).toEqual(Array(4).fill([true, false]));
});

test("the first evaluation is whole, then one in so many", () => {
  expect(letters({})).toBe("wsswsswssw");
  expect(letters({ cacheInterval: 5, total: 12 })).toBe("wsssswssssws");
  expect(letters({ cacheInterval: 50 })).toBe("wsssssssss");
});

test("features are kept where the next evaluation takes them, and nowhere else", () => {
  const plan = planEvaluations({ total: 7, guidance: undefined, controls: [], cacheInterval: 3 });
  expect(plan.map(({ keep }) => keep)).toEqual([true, false, false, true, false, false, false]);
});

test("where guidance sets in or ends the evaluation is whole", () => {
  expect(letters({ guidance: guidance(0.2, 0.6) })).toBe("wsWssWwssw");
});

test("where a ControlNet sets in or ends the evaluation is whole", () => {
  expect(letters({ controls: [unit(0, 1), unit(0.1, 0.5)] })).toBe("wwsswwssws");
});

test("a new kind of call is one that no evaluation before made", () => {
  const plan = planEvaluations({ total: 10, guidance: guidance(0.2, 0.6), controls: [], cacheInterval: 3 });
  expect(plan.map(({ newKind }, i) => (newKind ? i : -1)).filter((i) => i >= 0)).toEqual([1, 2, 3]);
});
