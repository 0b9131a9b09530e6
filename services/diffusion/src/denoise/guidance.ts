/** Classifier-free guidance (arXiv:2207.12598, equation 6), and its rescaling (arXiv:2305.08891, section 3.4). */

export interface Guidance {
  scale: number;
  /** 0..1; 0 leaves the prediction as it is. */
  rescale: number;
}

/**
 * unconditional + scale * (conditional - unconditional), for `count` pictures. `outputs` hold the unconditional half, then the
 * conditional one, in one array or in two; without guidance the only output is the answer.
 */
export function guide(outputs: Float32Array[], guidance: Guidance | undefined, count: number): Float32Array {
  const [first, second] = outputs as [Float32Array, Float32Array | undefined];
  if (!guidance) return first;
  const half = second ? first.length : first.length / 2;
  const unconditional = first.subarray(0, half);
  const conditional = second ?? first.subarray(half);
  const guided = new Float32Array(half);
  for (let i = 0; i < half; i++) {
    guided[i] = unconditional[i]! + Math.fround(guidance.scale * Math.fround(conditional[i]! - unconditional[i]!));
  }
  if (guidance.rescale > 0) rescale(guided, conditional, guidance.rescale, count);
  return guided;
}

/** Mixes in, picture by picture, the guided prediction with the deviation of the conditional one. Changes `guided`. */
function rescale(guided: Float32Array, conditional: Float32Array, share: number, count: number): void {
  const size = guided.length / count;
  for (let i = 0; i < count; i++) {
    const picture = guided.subarray(i * size, (i + 1) * size);
    const ratio = deviation(conditional.subarray(i * size, (i + 1) * size)) / deviation(picture);
    const factor = share * ratio + 1 - share;
    for (let at = 0; at < size; at++) picture[at] = picture[at]! * factor;
  }
}

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
