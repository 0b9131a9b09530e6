/** IEEE 754 half precision over raw bits: JavaScript of Node 20 has no float16 array. */

/** Bits of float16 values as float32 values. Exact, also for subnormals, infinities and the payload of a NaN. */
export function halfToFloat(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = floatBits(halves[i]!);
  return floats;
}

/** float32 values as the bits of the nearest float16 values, ties to even; beyond 65504 (from 65520 on) infinity. */
export function floatToHalf(floats: Float32Array): Uint16Array {
  const halves = new Uint16Array(floats.length);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < bits.length; i++) halves[i] = halfBits(bits[i]!);
  return halves;
}

const INFINITY_BITS = 0x7f800000;
/** 2^-14, the smallest normal half, and 65520, from where rounding reaches infinity, as bits of a float32. */
const SMALLEST_NORMAL = 0x38800000;
const ROUNDS_TO_INFINITY = 0x477ff000;
/** Bits of 2^-25 as a float32: a number below it is nearer to zero than to the smallest subnormal half. */
const ROUNDS_TO_ZERO = 0x33000000;
/** The exponents' bias: 127 in a float32, 15 in a half. */
const BIAS_DIFFERENCE = 112;

function floatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | INFINITY_BITS | (mantissa << 13);
  if (exponent !== 0) return sign | ((exponent + BIAS_DIFFERENCE) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  const shift = Math.clz32(mantissa) - 21; // Brings a subnormal's leading one to bit 10, which a normal number implies.
  return sign | ((BIAS_DIFFERENCE + 1 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}

function halfBits(float: number): number {
  const sign = (float >>> 16) & 0x8000;
  const magnitude = float & 0x7fffffff;
  if (magnitude > INFINITY_BITS) return sign | 0x7c00 | nanPayload(magnitude);
  if (magnitude >= ROUNDS_TO_INFINITY) return sign | 0x7c00;
  if (magnitude >= SMALLEST_NORMAL) return sign | roundShift(magnitude - (BIAS_DIFFERENCE << 23), 13);
  if (magnitude <= ROUNDS_TO_ZERO) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  return sign | roundShift(mantissa, 126 - (magnitude >>> 23));
}

/** `value / 2^shift`, rounded to the nearest whole number, ties to even. A carry runs into the exponent, as it must. */
function roundShift(value: number, shift: number): number {
  const half = (1 << (shift - 1)) - 1;
  return (value + half + ((value >>> shift) & 1)) >>> shift;
}

/** The payload's upper bits; a payload whose upper bits are all zero would turn into infinity, so it becomes a quiet NaN. */
const nanPayload = (magnitude: number) => (magnitude >>> 13) & 0x3ff || 0x200;
