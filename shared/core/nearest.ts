/** Finds the name that somebody probably meant. */

const LONGEST_COMPARED = 64;

/**
 * The candidate nearest to `name`, if one is near enough to be a misspelling of it (a third of its letters, at least one).
 * Case and separators do not count: `negativePrompt` is `negative_prompt`.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(name);
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate));
    if (!best || distance < best.distance) best = { candidate, distance };
  }
  return best && best.distance <= Math.max(1, Math.floor(wanted.length / 3)) ? best.candidate : undefined;
}

const plain = (name: string) =>
  name
    .slice(0, LONGEST_COMPARED)
    .toLowerCase()
    .replaceAll(/[\s_.-]/g, "");

/** Damerau and Levenshtein's distance: letters put in, left out, changed, or two neighbours swapped (each pair once). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(changed, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, beforeLast[j - 2]! + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
