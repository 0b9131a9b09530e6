/** What hostile clients do, once: each ends with its answer, with the end of its connection, or when the client leaves. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type Dispatcher, request } from "undici";

/** What one client knows and may use. */
export interface HostileClient {
  diffusion: string;
  preprocessor: string;
  pictures: HostilePictures;
  /** Address of a picture that comes a byte at a time. */
  drip: string;
  /** Where its connections come from; the dispatcher opens them there. */
  localAddress: string;
  dispatcher: Dispatcher;
  /** Aborts when it is to leave. */
  signal: AbortSignal;
}

export interface HostilePictures {
  /** A small file that claims 7000 x 7000. */
  huge: Buffer;
  /** The same, of a size for which there is room. */
  large: Buffer;
  /** Too many pixels, frames or scans. */
  bombs: Buffer[];
  /** An honest photograph, of which work is asked that nobody waits for. */
  photo: Buffer;
}

/** Asks for a small picture with these control images, files or addresses. */
export function generate(client: HostileClient, images: (Buffer | string)[]): Promise<void> {
  const controlnets = images.map((image) => ({
    type: "depth",
    image: typeof image === "string" ? image : image.toString("base64"),
    preprocessor: "none",
  }));
  const body = JSON.stringify({ prompt: "x", num_inference_steps: 1, width: 64, height: 64, controlnets });
  return post(client, `${client.diffusion}/generate`, body, "application/json");
}

/** Sends a picture to be annotated. */
export const postPicture = (client: HostileClient, file: Buffer): Promise<void> =>
  post(client, `${client.preprocessor}/image/canny`, file, "image/png");

/** Asks both services for work, and leaves `afterMs` later. */
export async function askAndLeave(client: HostileClient, afterMs: number): Promise<void> {
  const leaving = { ...client, signal: AbortSignal.any([client.signal, AbortSignal.timeout(afterMs)]) };
  await Promise.allSettled([
    generate(leaving, []),
    post(leaving, `${client.preprocessor}/image/depth_midas`, client.pictures.photo, "image/png"),
  ]);
}

/** Says that a picture of `bytes` bytes comes, and sends all but the last one, unless it is answered before. */
export async function startUpload(client: HostileClient, bytes: number): Promise<void> {
  const head = `POST /image/canny HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: ${bytes}\r\n\r\n`;
  const socket = open(client, client.preprocessor);
  const closed = once(socket, "close");
  let answered = false;
  socket.once("data", () => {
    answered = true;
  });
  socket.write(head);
  for (let left = bytes - 1; left > 0 && !answered && !socket.destroyed; left -= UPLOAD_PIECE.length) {
    if (!socket.write(UPLOAD_PIECE.subarray(0, left))) await Promise.race([once(socket, "drain"), closed]);
  }
  await closed;
}

/** Connects to both services, says `words` and then nothing more. */
export async function holdConnection(client: HostileClient, words: string): Promise<void> {
  const sockets = [client.diffusion, client.preprocessor].map((url) => open(client, url));
  for (const socket of sockets) socket.write(words);
  await Promise.all(sockets.map((socket) => once(socket, "close")));
}

const UPLOAD_PIECE = Buffer.alloc(2 ** 18, "x");

/** A bare connection that is closed when the client leaves. */
function open({ localAddress, signal }: HostileClient, url: string): Socket {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), localAddress });
  const leave = () => socket.destroy();
  signal.addEventListener("abort", leave, { once: true });
  socket.on("close", () => signal.removeEventListener("abort", leave));
  return socket.on("error", () => {}).resume(); // it was refused: the client comes again
}

async function post(
  { dispatcher, signal }: HostileClient,
  url: string,
  body: string | Buffer,
  type: string,
): Promise<void> {
  const answer = await request(url, { method: "POST", headers: { "content-type": type }, body, dispatcher, signal });
  await answer.body.dump();
}
