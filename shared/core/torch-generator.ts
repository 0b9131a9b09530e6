/**
 * PyTorch's CPU random numbers, so that a seed makes the same picture as it does in diffusers.
 * Follows ATen: MT19937RNGEngine.h, DistributionsHelper.h and native/cpu/DistributionTemplates.h.
 */

const STATE_WORDS = 624;
const SHIFT_WORDS = 397;
/** Number of values from which on PyTorch fills blocks of 16; below, it draws one value after the other in double precision. */
const BLOCK = 16;

/** One stream of draws: `new TorchGenerator(seed)` is `torch.Generator("cpu").manual_seed(seed)`. */
export class TorchGenerator {
  readonly #engine: MersenneTwister;
  /** Box and Muller's method makes values in pairs; this is the second of a pair that the scalar path has begun. */
  #spare: number | undefined;

  /** A whole number; only its low 32 bits count, as in PyTorch. Throws RangeError for a number that is not whole. */
  constructor(seed: number | bigint) {
    this.#engine = new MersenneTwister(Number(BigInt.asUintN(32, BigInt(seed))));
  }

  /** `count` draws of the standard normal distribution: `torch.randn(count)`. */
  randn(count: number): Float32Array {
    const values = new Float32Array(count);
    if (count >= BLOCK) this.#fillBlocks(values);
    else for (let i = 0; i < count; i++) values[i] = this.#normal();
    return values;
  }

  /** `count` draws, uniform in [0, 1): `torch.rand(count)`. */
  rand(count: number): Float32Array {
    return this.#fillUniform(new Float32Array(count));
  }

  #fillBlocks(values: Float32Array): void {
    this.#fillUniform(values);
    for (let start = 0; start + BLOCK <= values.length; start += BLOCK) {
      boxMullerBlock(values.subarray(start, start + BLOCK));
    }
    // A rest makes PyTorch draw the last 16 values anew, of which the first were finished already.
    if (values.length % BLOCK !== 0) boxMullerBlock(this.#fillUniform(values.subarray(values.length - BLOCK)));
  }

  #fillUniform(values: Float32Array): Float32Array {
    for (let i = 0; i < values.length; i++) values[i] = (this.#engine.next() & 0xffffff) * 2 ** -24;
    return values;
  }

  #normal(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    const theta = 2 * Math.PI * this.#uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-this.#uniform53()));
    this.#spare = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  }

  /** 53 bits: the low 21 of one word above the 32 of the next. */
  #uniform53(): number {
    const high = this.#engine.next() & 0x1fffff;
    return (high * 2 ** 32 + this.#engine.next()) * 2 ** -53;
  }
}

/** Turns 16 uniform values into normal ones, value j paired with j + 8. */
function boxMullerBlock(block: Float32Array): void {
  for (let j = 0; j < BLOCK / 2; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - block[j]!));
    const theta = 2 * Math.PI * block[j + BLOCK / 2]!;
    block[j] = radius * Math.cos(theta);
    block[j + BLOCK / 2] = radius * Math.sin(theta);
  }
}

/** MT19937: Matsumoto and Nishimura 1998, with the seeding of their 2002 revision. Words are unsigned 32 bits. */
class MersenneTwister {
  readonly #state = new Uint32Array(STATE_WORDS);
  #position = STATE_WORDS;

  constructor(seed: number) {
    this.#state[0] = seed;
    for (let i = 1; i < STATE_WORDS; i++) {
      const previous = this.#state[i - 1]!;
      this.#state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  next(): number {
    if (this.#position === STATE_WORDS) this.#twist();
    let word = this.#state[this.#position++]!;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < STATE_WORDS; i++) {
      const mixed = (state[i]! & 0x80000000) | (state[(i + 1) % STATE_WORDS]! & 0x7fffffff);
      state[i] = state[(i + SHIFT_WORDS) % STATE_WORDS]! ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    this.#position = 0;
  }
}
