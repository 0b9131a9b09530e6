import { expect, test } from "vitest";
import { helpCommands, markdownCommands } from "./commands.js";

test("a Markdown file's commands are those of its sh blocks, of indented blocks, and those in the text", () => {
  const markdown = `
Use \`npm run bench -- --growth\`, not \`npm\`, \`scripts/\` or \`docker\`; \`A=1 npx vitest run
e2e/x.test.ts\` is one.

\`\`\`sh
# nothing yet
npm run build   # makes the images' code
A=1 npm start
\`\`\`

    npm run indented
    not a command

\`\`\`text
npm run drawing
\`\`\`
`;
  expect(markdownCommands(markdown)).toEqual([
    "npm run build",
    "A=1 npm start",
    "npm run indented",
    "npm run bench -- --growth",
    "A=1 npx vitest run e2e/x.test.ts",
  ]);
});

test("a command is in one piece however many lines it takes: after \\ and |, and within quotation marks", () => {
  const commands = [
    "curl -s x \\\n  -d '{\"a\": 1}'",
    'printf \'{"a":\n  "%s"}\' "$(cat x)" |\ncurl -d @-',
    "npm start",
  ];
  expect(markdownCommands(`\`\`\`sh\n${commands.join("\n")}\n\`\`\``)).toEqual(commands);
});

test("a block whose language is not said is refused: it might hold commands that nobody runs", () => {
  expect(() => markdownCommands("```\nnpm start\n```")).toThrow(
    "A block is marked with no language: wants sh or text, json",
  );
});

test("a help text's commands stand at the beginning of a line or within it; a synopsis is none", () => {
  const help = `npm run tune -- [options]

  npm run load-test -- SCENARIO [--scale N]
  npm run fetch-weights -- --model Lykon/DreamShaper --controlnets depth

All variables of a service's: npm run a -- --help, npm run b -- --help
Needs k6: $K6, on PATH, or installed with: go install go.k6.io/k6@v1
docker or buildah, node and curl's own
    curl -s http://127.0.0.1:1/generate \\
      -d '{"guidance_interval": [0.1, 0.8]}'`;
  expect(helpCommands(help)).toEqual([
    "npm run fetch-weights -- --model Lykon/DreamShaper --controlnets depth",
    "npm run a -- --help",
    "npm run b -- --help",
    "go install go.k6.io/k6@v1",
    "curl -s http://127.0.0.1:1/generate \\\n      -d '{\"guidance_interval\": [0.1, 0.8]}'",
  ]);
});
