/** A progress bar on a terminal; plain lines elsewhere, one a tenth of the way. */
const WIDTH = 30;

export class ProgressBar {
  private lastTenth = -1;

  constructor(private readonly out: NodeJS.WriteStream) {}

  /** Says what happens where there is nothing to count. */
  say(text: string): void {
    if (this.out.isTTY) this.out.write(`\r\x1b[K  ${text}`);
    else this.out.write(`  ${text}\n`);
  }

  /** `done` of `total`, and the milliseconds that are left. */
  show(done: number, total: number, etaMs: number, unit = "step"): void {
    const filled = Math.round((WIDTH * done) / total);
    const line = `  ${"█".repeat(filled)}${"░".repeat(WIDTH - filled)} ${unit} ${done}/${total}, ${(etaMs / 1000).toFixed(1)} s left`;
    const tenth = Math.floor((10 * done) / total);
    if (this.out.isTTY) this.out.write(`\r\x1b[K${line}`);
    else if (tenth > this.lastTenth) this.out.write(`${line}\n`);
    this.lastTenth = tenth;
  }

  end(): void {
    if (this.out.isTTY) this.out.write("\n");
  }
}
