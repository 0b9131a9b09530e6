/** What the command-line programs of this folder have alike: options, help, exit code, and an error's message without its trace. */
import { type ParseArgsConfig, parseArgs } from "node:util";

type Parsed<C extends ParseArgsConfig> = ReturnType<typeof parseArgs<C>>;

interface Program<C extends ParseArgsConfig> {
  /** What --help prints; `options` of `args` must hold it. */
  help: string;
  args: C;
  /** Gives the exit code. */
  main(parsed: Parsed<C>): Promise<number>;
}

/** Runs a program to its end. An error that it throws is printed, and its exit code is 1. */
export async function runProgram<const C extends ParseArgsConfig>({ help, args, main }: Program<C>): Promise<void> {
  try {
    const parsed = parseArgs(args);
    const wantsHelp = (parsed.values as { help?: boolean }).help === true;
    if (wantsHelp) console.log(help);
    else process.exitCode = await main(parsed);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
