/** `npm start`: both services in the foreground, and what to try. */
import { parseArgs } from "node:util";
import { startStack } from "./services.js";

const HELP = `Runs the preprocessor and the diffusion service. Ctrl-C stops both, after the work they have begun.

  PREPROCESSOR_PORT  default 2222; 0 picks a free one
  DIFFUSION_PORT     default 1111; 0 picks a free one
  LOG_LEVEL          default warn here; info shows every request

All other variables reach the services: npm run start:diffusion -- --help, npm run start:preprocessor -- --help`;

const { values } = parseArgs({ options: { help: { type: "boolean" } } });
if (values.help) console.log(HELP);
else await start();

async function start(): Promise<void> {
  const stack = await startStack({
    preprocessorPort: port("PREPROCESSOR_PORT", 2222),
    diffusionPort: port("DIFFUSION_PORT", 1111),
    env: { LOG_LEVEL: process.env.LOG_LEVEL || "warn" },
  });
  const { preprocessor, diffusion } = stack;
  console.log(`
  preprocessor  ${preprocessor.url}   (its API: ${preprocessor.url}/docs)
  diffusion     ${diffusion.url}   (its API: ${diffusion.url}/docs)

  A picture from a prompt:

    curl -s ${diffusion.url}/generate -H 'Content-Type: application/json' -H 'Accept: image/png' \\
      -d '{"prompt": "a red sphere on a checkered floor under a blue sky", "seed": 7}' -o sphere.png

  A picture that follows another's depth:

    npm run generate -- --url ${diffusion.url} --image models/examples/green-cone.png --control depth \\
      --prompt "an orange cone on a wooden floor at night"

  Ctrl-C stops both.
`);
  let stopping = false;
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    await stack.stop();
    process.exit(code);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop(0));
  for (const [name, service] of Object.entries({ preprocessor, diffusion })) {
    service.process.once("exit", (code) => {
      if (stopping) return;
      console.error(`The ${name} service ended with code ${code}; stopping the other`);
      void stop(1);
    });
  }
}

function port(name: string, fallback: number): number {
  const text = process.env[name] || String(fallback);
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value < 65536) return value;
  console.error(`${name}: wants a port from 0 to 65535, found ${text}`);
  process.exit(1);
}
