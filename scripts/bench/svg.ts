/** What the benchmark's charts share. */

/** Told apart by people with any colour vision (Okabe and Ito), on white and on black. */
export const COLOURS = {
  blue: "#0072B2",
  lightBlue: "#56B4E9",
  green: "#009E73",
  orange: "#E69F00",
  grey: "#999999",
} as const;

export function svg(
  { width, height, label }: { width: number; height: number; label: string },
  lines: string[],
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13" role="img" aria-label="${escaped(label)}">
<style>text{fill:#57606a}.title,.workload{font-weight:bold}.small{font-size:11px}</style>
${lines.join("\n")}
</svg>
`;
}

export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
