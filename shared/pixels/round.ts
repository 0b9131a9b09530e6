/** Rounds to the nearest whole number, halves to the even one: C's default mode, Python's `round`, NumPy's `np.round`. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
