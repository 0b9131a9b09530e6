/** Tells a picture's format from its first bytes: a file name or Content-Type is only what somebody claims. */

export const INPUT_FORMATS = ["JPEG", "PNG", "WebP", "AVIF", "GIF", "TIFF"] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

/** The format that `bytes` begin like, or undefined. Whether the rest holds to it is for the decoder to say. */
export function inputFormat(bytes: Uint8Array): InputFormat | undefined {
  const head = latin1(bytes.subarray(0, 12));
  if (head.startsWith("\xff\xd8\xff")) return "JPEG";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (head.startsWith("RIFF") && head.slice(8) === "WEBP") return "WebP";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "GIF";
  if (head.startsWith("II*\0") || head.startsWith("MM\0*")) return "TIFF";
  if (head.slice(4, 8) === "ftyp" && brands(bytes).some((brand) => brand === "avif" || brand === "avis")) return "AVIF";
  return undefined;
}

/** What a refused file probably is, for the message: "SVG", "PDF", …; undefined if that cannot be said. */
export function refusedFormat(bytes: Uint8Array): string | undefined {
  const head = latin1(bytes.subarray(0, 1024));
  if (/<svg[\s>]/i.test(head)) return "SVG";
  if (/^\s*(<\?xml|<!doctype|<html)/i.test(head)) return "XML or HTML";
  if (head.startsWith("%PDF-")) return "PDF";
  if (head.startsWith("BM")) return "BMP";
  if (head.startsWith("\x00\x00\x01\x00")) return "ICO";
  if (head.startsWith("8BPS")) return "PSD";
  if (head.slice(4, 8) === "ftyp") return brands(bytes).some((brand) => /^(hei|hev|mif)/.test(brand)) ? "HEIC" : "MP4";
  if (head.startsWith("\xff\x0a") || head.slice(4, 8) === "JXL ") return "JPEG XL";
  return undefined;
}

/** ISO/IEC 14496-12, 4.3: the file type box holds a major brand, a version and the compatible brands. */
function brands(bytes: Uint8Array): string[] {
  const box = latin1(bytes.subarray(0, Math.min(128, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0))));
  return [box.slice(8, 12), ...(box.slice(16).match(/.{4}/gs) ?? [])];
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
