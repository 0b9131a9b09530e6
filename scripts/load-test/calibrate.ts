/** Measures how long the usual picture takes on this machine. */
import { readFileSync } from "node:fs";
import { request } from "undici";

const RUNS = 5;

/** Seconds that the picture in `file` (a request's JSON) takes when nothing else runs: the quickest of five, all loaded. */
export async function calibrate(url: string, file: URL): Promise<number> {
  const body = readFileSync(file, "utf8");
  await makePicture(url, body);
  const seconds: number[] = [];
  for (let i = 0; i < RUNS; i++) seconds.push(await makePicture(url, body));
  return Math.min(...seconds);
}

async function makePicture(url: string, body: string): Promise<number> {
  const start = performance.now();
  const headers = { "content-type": "application/json" };
  const answer = await request(`${url}/generate`, { method: "POST", headers, body });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`The service cannot make a picture: ${answer.statusCode} ${text}`);
  return (performance.now() - start) / 1000;
}
