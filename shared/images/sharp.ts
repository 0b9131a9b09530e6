/**
 * sharp as this project allows it: the only place that imports the package. Pictures come from strangers, so libvips may read the
 * six raster formats from memory and nothing else: no SVG, PDF, ImageMagick, no file, no URL. No cache: a picture is decoded once.
 * How many threads one picture may use is the service's choice: `sharp.concurrency(n)`.
 */
import sharp from "sharp";

sharp.cache(false);
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["Jpeg", "Png", "Webp", "Heif", "Nsgif", "Tiff"].map((loader) => `VipsForeignLoad${loader}Buffer`),
});

export { sharp };
