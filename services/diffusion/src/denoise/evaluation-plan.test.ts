import { expect, test } from "vitest";
import { type EvaluationRequest, planEvaluations } from "./evaluation-plan.js";

const acting = (start: number, end: number, conditionalOnly = false) => ({ start, end, conditionalOnly });

const request = (more: Partial<EvaluationRequest> = {}): EvaluationRequest => ({
  ...{ guidanceScale: 1, guidanceInterval: { start: 0, end: 1 }, cacheInterval: 3, adapters: [] },
  ...more,
});

/** One letter an evaluation: W and w whole, with and without guidance; s shallow. */
function letters(more: Partial<EvaluationRequest>, total = 10): string {
  const plan = planEvaluations(request(more), total);
  return plan.map(({ whole, guided }) => (whole ? (guided ? "W" : "w") : "s")).join("");
}

const guidance = (start: number, end: number) => ({ guidanceScale: 5, guidanceInterval: { start, end } });

test("an interval of 1 makes every evaluation whole and keeps nothing", () => {
  const plan = planEvaluations(request({ cacheInterval: 1 }), 4);
  expect(plan.map(({ whole, keep }) => [whole, keep])).toEqual(Array(4).fill([true, false]));
});

test("the first evaluation is whole, then one per interval", () => {
  expect(letters({})).toBe("wsswsswssw");
  expect(letters({ cacheInterval: 5 }, 12)).toBe("wsssswssssws");
  expect(letters({ cacheInterval: 50 })).toBe("wsssssssss");
});

test("features are kept where the next evaluation takes them, and nowhere else", () => {
  const plan = planEvaluations(request(), 7);
  expect(plan.map(({ keep }) => keep)).toEqual([true, false, false, true, false, false, false]);
});

test("where guidance sets in or ends the evaluation is whole", () => {
  expect(letters(guidance(0.2, 0.6))).toBe("wsWssWwssw");
});

test("where an adapter sets in or ends the evaluation is whole", () => {
  expect(letters({ adapters: [acting(0, 1), acting(0.1, 0.5)] })).toBe("wwsswwssws");
});

test("a new kind of call is one that no evaluation before made", () => {
  const plan = planEvaluations(request(guidance(0.2, 0.6)), 10);
  expect(plan.map(({ newKind }, i) => (newKind ? i : -1)).filter((i) => i >= 0)).toEqual([1, 2, 3]);
});

/** The calls of each evaluation of four, as in `both:01 prompt:`. */
const calls = (more: Partial<EvaluationRequest>) =>
  planEvaluations(request({ cacheInterval: 1, ...more }), 4).map((evaluation) =>
    evaluation.calls.map(({ texts, adapters }) => `${texts}:${adapters.join("")}`).join(" "),
  );

test("both halves of the guidance share a call; without guidance the prompt has it alone", () => {
  const adapters = [acting(0, 0.5), acting(0, 1)];
  expect(calls({ ...guidance(0, 0.75), adapters })).toEqual(["both:01", "both:01", "both:1", "prompt:1"]);
  expect(calls({ adapters })).toEqual(["prompt:01", "prompt:01", "prompt:1", "prompt:1"]);
});

test("an adapter that steers the conditional half alone parts the halves, also where it does not act", () => {
  const adapters = [acting(0, 0.5, true), acting(0, 1)];
  const [first, , later, plain] = calls({ ...guidance(0, 0.75), adapters });
  expect(first).toBe("negative:1 prompt:01");
  expect(later).toBe("negative:1 prompt:1");
  expect(plain).toBe("prompt:1");
});
