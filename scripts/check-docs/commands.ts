/** The commands that documentation shows: those of Markdown files, and those of `--help` texts and other output. */

/** What a text in `code` begins with where it is a command and not a name. */
const COMMAND =
  /^(?:[A-Z_0-9]+=\S+ )*(?:(?:npm|npx|node|curl|docker|go|apt-get) \S|printf '|scripts\/\S+\.sh\b|\.ci\/run\b)/;

/** Fences that hold no commands say so. */
const OTHER_LANGUAGES = ["text", "json"];

/** All commands of a Markdown file: each of its `sh` blocks and indented blocks, and those in `code`. */
export function markdownCommands(markdown: string): string[] {
  const { blocks, prose } = splitFences(markdown);
  const fenced = blocks.flatMap(({ language, text }) => {
    if (language === "sh") return logicalLines(text, COMMAND);
    if (OTHER_LANGUAGES.includes(language)) return [];
    throw new Error(`A block is marked ${language || "with no language"}: wants sh or ${OTHER_LANGUAGES.join(", ")}`);
  });
  const indented = logicalLines(prose.filter((line) => /^ {4}/.test(line)).join("\n"), COMMAND);
  const inline = [...prose.join("\n").matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replace(/\s+/g, " "));
  return [...fenced, ...[...indented, ...inline].filter((text) => COMMAND.test(text))];
}

/** What a command in the text of a help begins with, at the beginning of a line and within it. */
const HELP_COMMAND = /^(?:npm run |npm start|npx |curl |go install )/;
const WITHIN_LINE = /[:,;] (?=npm run |npm start|npx |curl |go install )/;

/** An order of options and CAPITALS to fill in: `npm run load-test -- SCENARIO [--scale N]`. */
const SYNOPSIS = /-- (?:\[|[A-Z])| \[-/;

/** The commands that a help text or a started service shows, within its lines too; a synopsis is none. */
export function helpCommands(text: string): string[] {
  return logicalLines(text, HELP_COMMAND)
    .flatMap((line) => line.split(WITHIN_LINE))
    .filter((part) => HELP_COMMAND.test(part) && !SYNOPSIS.test(part));
}

/**
 * The lines of a text; comments are left out, and what begins as a command does is in one piece however many lines it takes.
 */
function logicalLines(text: string, begins: RegExp): string[] {
  const commands: string[] = [];
  let begun = "";
  for (const line of text.split("\n")) {
    begun = `${begun}${begun && "\n"}${line}`.replace(/(^|\s+)#.*$/, "").trim();
    if (begins.test(begun) && goesOn(begun)) continue;
    if (begun) commands.push(begun);
    begun = "";
  }
  return begun ? [...commands, begun] : commands;
}

/** Whether a line ends within a command: in quotation marks, or where the shell expects more. */
function goesOn(command: string): boolean {
  const unquoted = command.replace(/'[^']*'|"(?:\\.|[^"\\])*"/gs, "");
  return /['"]/.test(unquoted) || /(?:\\|\||&&)$/.test(command);
}

interface Fences {
  blocks: { language: string; text: string }[];
  /** The lines outside of them. */
  prose: string[];
}

function splitFences(markdown: string): Fences {
  const fences: Fences = { blocks: [], prose: [] };
  let open: { language: string; lines: string[] } | undefined;
  for (const line of markdown.split("\n")) {
    const [, language] = /^ *```(.*)$/.exec(line) ?? [];
    if (language === undefined) (open?.lines ?? fences.prose).push(line);
    else if (open) {
      fences.blocks.push({ language: open.language, text: open.lines.join("\n") });
      open = undefined;
    } else open = { language, lines: [] };
  }
  return fences;
}
