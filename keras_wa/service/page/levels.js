// From stored values to grey: a table with one entry for each value from the least on.

// Opaque pixels of a view (`width`, `height`, `pixels`) through a table.
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

export function isInverted(levels) {
  return levels[0] > levels[levels.length - 1];
}

// The window that comes nearest to a table: beyond its ends all is black or white.
export function windowOf(levels, least) {
  const [dark, bright] = isInverted(levels) ? [255, 0] : [0, 255];
  let low = 0, high = levels.length - 1;
  while (low < high && levels[low + 1] === dark) low++;
  while (high > low && levels[high - 1] === bright) high--;
  return { center: least + (low + high) / 2, width: Math.max(1, high - low) };
}

// A linear window; what lies at its center is mid-grey.
export function windowed({ center, width, inverted }, least, greatest) {
  const levels = new Uint8Array(greatest - least + 1);
  for (let i = 0; i < levels.length; i++) {
    const share = Math.min(1, Math.max(0, (least + i - center) / width + 0.5));
    levels[i] = Math.round(255 * (inverted ? 1 - share : share));
  }
  return levels;
}
