import { expect, test } from "vitest";
import { floatToHalf, halfToFloat } from "./half.js";

const ALL_HALVES = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** The definition of a half, in float64. */
function definedValue(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + mantissa / 1024) * 2 ** (exponent - 15) : mantissa * 2 ** -24);
}

const toHalf = (value: number) => floatToHalf(Float32Array.of(value))[0];

test("each of the 65536 halves has the value that IEEE 754 gives it", () => {
  const floats = halfToFloat(ALL_HALVES);
  const wrong = [...ALL_HALVES].filter((half) => !Object.is(floats[half], definedValue(half)));
  expect(wrong).toEqual([]);
});

test("each of the 65536 halves survives the way to float32 and back, NaN payloads included", () => {
  expect(floatToHalf(halfToFloat(ALL_HALVES))).toEqual(ALL_HALVES);
});

test("a value between two halves goes to the nearer one, and to the even one from the middle", () => {
  for (let half = 0; half < 0x7bff; half++) {
    const low = definedValue(half);
    const high = definedValue(half + 1);
    const middle = (low + high) / 2;
    const step = (high - low) / 1024;
    const found = [toHalf(middle - step), toHalf(middle), toHalf(middle + step), toHalf(-middle - step)];
    const even = half % 2 === 0 ? half : half + 1;
    if (found.join() !== [half, even, half + 1, 0x8000 | (half + 1)].join()) {
      expect.fail(`between ${low} and ${high}: ${found}`);
    }
  }
});

test("what is too large becomes infinity, what is too small zero, and the sign stays", () => {
  expect(toHalf(65519)).toBe(0x7bff);
  expect(toHalf(65520)).toBe(0x7c00);
  expect(toHalf(-1e30)).toBe(0xfc00);
  expect(toHalf(Number.NEGATIVE_INFINITY)).toBe(0xfc00);
  expect(toHalf(2 ** -25)).toBe(0);
  expect(toHalf(2 ** -25 * 1.001)).toBe(1);
  expect(toHalf(-1e-30)).toBe(0x8000);
});

test("a NaN whose payload does not fit stays a NaN", () => {
  const signalling = new Float32Array(Uint32Array.of(0x7f800001).buffer);
  expect(floatToHalf(signalling)[0]).toBe(0x7e00);
});

test("a view into a larger buffer is converted alone", () => {
  const whole = Float32Array.of(9, 1, -2, 9);
  expect(floatToHalf(whole.subarray(1, 3))).toEqual(Uint16Array.of(0x3c00, 0xc000));
});
