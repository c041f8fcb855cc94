/* Painting on a spectrogram picture. Places are columns and rows counted from the top left corner,
   fractions allowed; `ink` is the level in dB below black. Dark wins where shapes overlap, as the
   louder of two sounds does. Each function returns the columns that it changed: [from, to]. */

const darkness = (amplitude) => 255 * Math.max(0, amplitude) ** 0.25;
const amplitudeOf = (ink) => 10 ** (ink / 20);

function darken(picture, column, row, amount) {
  if (column < 0 || row < 0 || column >= picture.columns || row >= picture.rows) return;
  const at = row * picture.columns + column;
  picture.pixels[at] = Math.min(picture.pixels[at], Math.round(255 - Math.min(255, amount)));
}

/** A soft dot; with `erase` a white one. */
function dab(picture, column, row, { size, ink, erase }) {
  const wide = Math.max(1, size / 2);
  const full = darkness(amplitudeOf(ink));
  for (let r = Math.ceil(row - size); r <= row + size; r++) {
    for (let c = Math.ceil(column - wide); c <= column + wide; c++) {
      const off = ((r - row) / size) ** 2 + ((c - column) / wide) ** 2;
      if (off > 1 || c < 0 || r < 0 || c >= picture.columns || r >= picture.rows) continue;
      if (!erase) darken(picture, c, r, full * (1 - off));
      else {
        const at = r * picture.columns + c;
        picture.pixels[at] = Math.max(picture.pixels[at], Math.round(255 * (1 - off ** 4)));
      }
    }
  }
  return [column - wide, column + wide + 1];
}

/** Dots from one place to another. */
function stroke(picture, from, to, brush) {
  const steps = Math.ceil(Math.max(Math.abs(to.column - from.column), Math.abs(to.row - from.row)) / 2) || 1;
  for (let i = 0; i <= steps; i++) {
    const share = i / steps;
    dab(picture, from.column + share * (to.column - from.column), from.row + share * (to.row - from.row), brush);
  }
  const wide = brush.size / 2 + 2;
  return [Math.min(from.column, to.column) - wide, Math.max(from.column, to.column) + wide];
}

/** A tone or glide, with `overtones` above it that fall by 6 dB an octave, as a sawtooth's do. */
function tone(picture, scale, from, to, { ink, overtones = 1 }) {
  const [left, right] = from.column <= to.column ? [from, to] : [to, from];
  const hertzAt = (row) => scale.hertz(1 - row / picture.rows);
  const end = Math.max(right.column, left.column + 1);
  for (let c = Math.ceil(left.column); c <= end; c++) {
    const share = (c - left.column) / (end - left.column);
    const edge = Math.min(1, (c - left.column + 1) / 2, (end - c + 1) / 2); // no click at the ends
    const low = hertzAt(left.row) ** (1 - share) * hertzAt(right.row) ** share;
    for (let k = 1; k <= overtones; k++) {
      if (k * low > scale.edges[scale.edges.length - 1]) break;
      const row = (1 - scale.height(k * low)) * picture.rows - 0.5;
      for (let r = Math.floor(row) - 2; r <= row + 3; r++) {
        const shape = Math.exp(-((r - row) ** 2) / 1.2);
        darken(picture, c, r, darkness((amplitudeOf(ink) / k) * shape * edge));
      }
    }
  }
  return [left.column - 1, end + 1];
}

/** A rectangle cut out of a picture. */
function patchOf(picture, left, right, top, bottom) {
  [left, right] = [Math.max(0, Math.round(left)), Math.min(picture.columns, Math.round(right))];
  [top, bottom] = [Math.max(0, Math.round(top)), Math.min(picture.rows, Math.round(bottom))];
  const rows = [];
  for (let r = top; r < bottom; r++) {
    rows.push(picture.pixels.slice(r * picture.columns + left, r * picture.columns + right));
  }
  return { rows, columns: right - left };
}

/** A patch laid down with its middle at a place. */
function stamp(picture, patch, { column, row }) {
  const [left, top] = [Math.round(column - patch.columns / 2), Math.round(row - patch.rows.length / 2)];
  patch.rows.forEach((pixels, r) => pixels.forEach((pixel, c) => darken(picture, left + c, top + r, 255 - pixel)));
  return [left, left + patch.columns];
}
