/** Counts the scans of a JPEG, since each one makes the decoder visit the whole picture again. */

const [END_OF_IMAGE, START_OF_SCAN] = [0xd9, 0xda];

/**
 * The number of scans before the end of image, counted no further than `limit + 1`. Follows the segments (ITU-T T.81, annex B), so
 * that a thumbnail inside one, or a film appended to the file, does not count.
 */
export function jpegScans(bytes: Uint8Array, limit: number): number {
  let scans = 0;
  let at = 2; // behind the start of image
  while (scans <= limit) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) break;
    while (bytes[at] === 0xff) at++; // any number of fill bytes may precede a marker's code
    const marker = bytes[at++];
    if (marker === undefined || marker === END_OF_IMAGE) break;
    if (standsAlone(marker)) continue;
    if (marker === START_OF_SCAN) scans++;
    at += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  }
  return scans;
}

/** Stuffed zero and restart markers occur inside a scan's data; they and a few more have no length. */
const standsAlone = (marker: number) => marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8);
