/** How each command of the documentation is run in CI, in a form that is short and needs no network; or why it is left out. */

/** A command in its short form. `folder` is where it may write. */
type ShortForm = (command: string, folder: string) => string;

export interface Row {
  /** The command as the documentation has it. */
  command: string | RegExp;
  /** Undefined where it is left out. */
  run?: ShortForm;
  /** Why it is left out. */
  reason?: string;
}

export const ROWS: Row[] = [
  ...leftOut(".ci/run begins with it", "npm ci && npm run generate", "npm ci && npm test", "npm test"),
  ...leftOut(
    ".ci/run runs it",
    "npm run check",
    "npm run check-openapi",
    "npm run fault-report",
    "npm run image-budget",
    "npm run load-test -- smoke",
    "scripts/install-software-gpu.sh",
  ),
  ...leftOut("it runs this", ".ci/run", "npm run check-docs"),
  ...leftOut("it repeats the whole suite; npm-scripts ask it for help", "npm run busy-suite"),
  ...leftOut("it runs as long as the check does, and answers its requests", "npm start"),
  ...leftOut("it needs the network", "go install go.k6.io/k6@v1.8.1", "apt-get install buildah"),
  ...leftOut(
    "it needs a Docker engine, or the network for its packages",
    "docker build -f dockerfiles/diffusion.Dockerfile -t armature-diffusion:cpu .",
    "docker build -f dockerfiles/diffusion.Dockerfile --target webgpu -t armature-diffusion:webgpu .",
    "docker buildx build --platform linux/arm64",
    "docker compose -f dockerfiles/compose.yaml up --build",
    "docker compose -f dockerfiles/compose.yaml run --rm fetch-weights --model Lykon/DreamShaper --controlnets depth,canny",
    "MODELS_DIR=/weights docker compose -f dockerfiles/compose.yaml up",
    "docker run -p 1111:1111 armature-diffusion:cpu",
    "docker run --gpus all ... armature-diffusion:webgpu",
  ),

  { command: /^curl .*\/generate .* -o sphere\.png$/s, run: pictureInFolder },
  { command: /^printf .*curl .*\/generate .* -o blue-cone\.png$/s, run: pictureInFolder },
  { command: /^curl .*\/image\/depth_midas .* -o depth\.png$/s, run: pictureInFolder },
  {
    command: /^printf .*curl .*\/generate .* \| head -c 200$/s,
    run: (command) => `${command} | grep '^{"id":"[^"]*","images":\\[{"image":"iVBOR'`,
  },
  { command: /^npm run generate -- --url /, run: appended("--steps 2", (folder) => `--out ${folder}`) },

  ...rows(
    asIs,
    "npm run start:diffusion -- --help",
    "npm run start:preprocessor -- --help",
    "npm run generate -- --help",
  ),
  ...rows(
    asIs,
    "node services/diffusion/dist/main.js --device-check",
    "npm run prepare-weights",
    "npm run plan-memory",
  ),
  ...rows(
    // ends with 1, as it shall: not all of it fits
    (command) => `${command} | grep '"fits": false'`,
    "npm run plan-memory -- --full-size --controlnets depth,canny,softedge --card-gb 8 --json",
  ),
  ...rows(appended("--list"), "npm run fetch-weights"),
  ...rows(appended("--dry-run"), "npm run install-cuda"),
  ...rows(appended("--runs 1"), "npm run cold-start"),
  {
    command: 'npm run bench -- --only unet,"VAE encoder"',
    run: appended("--models embedded --repeats 1", (folder) => `--work ${folder}`),
  },
  ...rows(appended("--networks 'VAE decoder' --sizes 64 --repeats 1"), "npm run tune"),

  // --help wants every option beside it to be one that there is
  ...rows(
    appended("--help"),
    "npm run fetch-weights -- --model Lykon/DreamShaper --controlnets depth,canny --dir weights --dry-run",
    "npm run fetch-weights -- --model Lykon/DreamShaper --controlnets depth,canny --annotators depth_midas",
    "npm run fetch-weights -- --model sd15 --controlnets depth,canny --dir weights",
    "MODELS_DIR=weights npm run start:diffusion",
    "npm run build-images",
    "npm run build-images -- --node-image docker.io/library/node:24-bookworm-slim@sha256:...",
    "npm run bake-weights -- --dir weights --from armature-diffusion:cpu --tag armature-diffusion:sd15",
    'npm run image-budget -- --image diffusion:cpu=armature-diffusion:cpu --record "node:24.x-bookworm-slim"',
    "npm run plan-memory -- --models Lykon/DreamShaper --controlnets depth,canny --width 768 --height 768",
    "npm run device-soak",
    "npm run bench",
    "npm run bench -- --growth",
    "npm run bench -- --models full --forms prepared --repeats 1",
    "npm run fault-report -- --seed 1",
    "npm run load-test -- hang --scale 0.2",
    "npm run load-test -- hostile --scale 0.45",
    "npm run bench -- --models full --rounds 2 --peers COMMAND",
    "npm run bench -- --models full --forms prepared --growth --rounds 1 --repeats 1",
  ),
  ...rows(
    listed,
    "DEVICE_KILLS=50 npx vitest run e2e/device-kills.test.ts",
    "SAVINGS_SEEDS=4 npx vitest run e2e/savings.test.ts",
  ),
];

function rows(run: ShortForm, ...commands: string[]): Row[] {
  return commands.map((command) => ({ command, run }));
}

function leftOut(reason: string, ...commands: string[]): Row[] {
  return commands.map((command) => ({ command, reason }));
}

function asIs(command: string): string {
  return command;
}

function appended(options: string, further?: (folder: string) => string): ShortForm {
  return (command, folder) => {
    const separator = command.includes("npm run ") && !command.includes(" -- ") ? ["--"] : [];
    return [command, ...separator, options, ...(further ? [further(folder)] : [])].join(" ");
  };
}

/** The picture goes to the folder, and has to be one. */
function pictureInFolder(command: string, folder: string): string {
  const file = `${folder}/picture.png`;
  return `${command.replace(/-o \S+$/, `-o ${file}`)} && head -c 8 ${file} | grep -qa PNG`;
}

/** The files of tests that the command would run. */
function listed(command: string): string {
  return command.replace("vitest run", "vitest list --filesOnly");
}
