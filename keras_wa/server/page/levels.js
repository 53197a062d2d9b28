// Converts stored values to grey levels, with a table that has one entry per value, starting at the smallest.

// Converts a view (`width`, `height`, `pixels`) to opaque pixels with a table.
export function painted(view, levels) {
  const picture = new OffscreenCanvas(view.width, view.height);
  const context = picture.getContext("2d");
  const data = context.createImageData(view.width, view.height);
  const out = new Uint32Array(data.data.buffer);
  for (let i = 0; i < out.length; i++) {
    out[i] = 0xff000000 | (levels[view.pixels[i]] * 0x010101);
  }
  context.putImageData(data, 0, 0);
  return picture;
}

// The linear window that gives the grey levels of a table between black and white.
export function windowOf(levels, least) {
  const isGrey = (level) => level > 0 && level < 255;
  let low = levels.findIndex(isGrey), high = levels.findLastIndex(isGrey);
  if (low < 0 || levels[low] === levels[high]) [low, high] = [0, levels.length - 1];
  const slope = (levels[high] - levels[low]) / Math.max(1, high - low);
  if (slope === 0) return { center: least + (low + high) / 2, width: Math.max(1, high - low), inverted: false };
  return { center: least + low + (127.5 - levels[low]) / slope, width: 255 / Math.abs(slope), inverted: slope < 0 };
}

// The table of a linear window; its center is mid-grey.
export function windowed({ center, width, inverted }, least, greatest) {
  const levels = new Uint8Array(greatest - least + 1);
  for (let i = 0; i < levels.length; i++) {
    const share = Math.min(1, Math.max(0, (least + i - center) / width + 0.5));
    levels[i] = Math.round(255 * (inverted ? 1 - share : share));
  }
  return levels;
}
