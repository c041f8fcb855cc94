/* A spectrogram picture on a canvas: colours, and a part of it drawn at any size. */

// Points on the way through each map, after matplotlib's; between them the colours are mixed.
const MAPS = {
  grey: ["#ffffff", "#000000"], // dark = loud, as in the picture itself
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"],
  viridis: ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"],
  magma: ["#000004", "#180f3d", "#440f76", "#721f81", "#9e2f7f", "#cd4071", "#f1605d", "#fd9668", "#feca8d", "#fcfdbf"],
};
const TILE = 2048; // columns a canvas: long pictures need several

/** 256 colours as 32-bit RGBA, from silence (pixel 255) at index 255 to the loudest at 0. */
function palette(name) {
  const points = (MAPS[name] || MAPS.grey).map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return Uint32Array.from({ length: 256 }, (_, pixel) => {
    const place = ((255 - pixel) / 255) * (points.length - 1);
    const from = Math.min(points.length - 2, Math.floor(place));
    const [r, g, b] = points[from].map((v, i) => Math.round(v + (place - from) * (points[from + 1][i] - v)));
    return (255 << 24) | (b << 16) | (g << 8) | r;
  });
}

/** Grey pixels (`rows` × `columns` bytes, top row first) that can be drawn, changed and saved. */
class SpectrogramPicture {
  constructor(bytes, rows, columns, map = "grey") {
    if (bytes.byteLength !== rows * columns) {
      throw new Error(`The picture has ${bytes.byteLength} bytes, but ${rows} × ${columns} were expected.`);
    }
    const view = ArrayBuffer.isView(bytes) ? bytes : new DataView(bytes);
    this.pixels = new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    [this.rows, this.columns] = [rows, columns];
    this.tiles = [];
    for (let from = 0; from < columns; from += TILE) {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [Math.min(TILE, columns - from), rows];
      this.tiles.push(canvas);
    }
    this.colour(map);
  }

  colour(map) {
    this.map = map;
    this.palette = palette(map);
    this.refresh(0, this.columns);
  }

  /** Bring the canvases up to date with `pixels` in columns from ≤ c < to. */
  refresh(from, to) {
    from = Math.max(0, Math.floor(from));
    to = Math.min(this.columns, Math.ceil(to));
    this.tiles.forEach((canvas, t) => {
      const [left, right] = [Math.max(from, t * TILE), Math.min(to, t * TILE + canvas.width)];
      if (left >= right) return;
      const image = new ImageData(right - left, this.rows);
      const out = new Uint32Array(image.data.buffer);
      for (let row = 0, at = 0; row < this.rows; row++) {
        const start = row * this.columns;
        for (let c = left; c < right; c++) out[at++] = this.palette[this.pixels[start + c]];
      }
      canvas.getContext("2d").putImageData(image, left - t * TILE, 0);
    });
  }

  /** Draw columns from ≤ c < to (fractions allowed) into a rectangle of another canvas. */
  draw(pen, from, to, x, y, width, height) {
    const scale = width / (to - from);
    pen.imageSmoothingEnabled = scale < 1;
    this.tiles.forEach((canvas, t) => {
      const [left, right] = [Math.max(from, t * TILE), Math.min(to, t * TILE + canvas.width)];
      if (left >= right) return;
      pen.drawImage(canvas, left - t * TILE, 0, right - left, this.rows, x + (left - from) * scale, y, (right - left) * scale, height);
    });
  }

  /** The whole picture in greys, as a PNG that riffedu reads back; `texts` go inside. */
  async png(texts = {}) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [this.columns, this.rows];
    const grey = new SpectrogramPicture(this.pixels, this.rows, this.columns);
    grey.draw(canvas.getContext("2d"), 0, this.columns, 0, 0, this.columns, this.rows);
    const plain = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    const [head, rest] = [plain.slice(0, 33), plain.slice(33)]; // signature and IHDR; then anything
    const chunks = Object.entries(texts).map(([name, text]) => textChunk(name, text));
    return new Blob([head, ...chunks, rest], { type: "image/png" });
  }
}

/** A PNG chunk of UTF-8 text (iTXt). */
function textChunk(name, text) {
  const body = new TextEncoder().encode(`iTXt${name}\0\0\0\0\0${text}`);
  const chunk = new DataView(new ArrayBuffer(body.length + 8));
  chunk.setUint32(0, body.length - 4);
  body.forEach((byte, i) => chunk.setUint8(4 + i, byte));
  chunk.setUint32(4 + body.length, crc32(body));
  return chunk;
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** Hertz ↔ height (0 bottom, 1 top) by the frequencies of the picture's row edges, low to high. */
class FrequencyScale {
  constructor(edges) {
    this.edges = edges;
  }
  /** The lowest and the highest frequency. */
  get ends() {
    return [this.edges[0], this.edges[this.edges.length - 1]];
  }
  hertz(height) {
    const place = Math.max(0, Math.min(1, height)) * (this.edges.length - 1);
    const i = Math.min(this.edges.length - 2, Math.floor(place));
    return this.edges[i] + (place - i) * (this.edges[i + 1] - this.edges[i]);
  }
  height(hertz) {
    const e = this.edges;
    if (hertz <= e[0]) return 0;
    if (hertz >= e[e.length - 1]) return 1;
    let [low, high] = [0, e.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (e[middle] <= hertz) low = middle;
      else high = middle;
    }
    return (low + (hertz - e[low]) / (e[high] - e[low])) / (e.length - 1);
  }
  /** Round frequencies that fit on an axis of so many pixels. */
  ticks(pixels) {
    const wanted = [0, 100, 200, 500, 1000, 2000, 3000, 5000, 10000];
    const [kept, room] = [[], 16];
    for (const f of wanted) {
      if (f < this.edges[0] || f > this.edges[this.edges.length - 1] + 1) continue;
      const at = this.height(f) * pixels;
      if (!kept.length || at - kept[kept.length - 1].at >= room) kept.push({ f, at });
    }
    return kept.map(({ f }) => ({ f, text: f < 1000 ? `${f}` : `${f / 1000}k` }));
  }
}

/** Round times for an axis from `from` to `to` seconds with about `count` marks. */
function timeTicks(from, to, count) {
  const rough = (to - from) / Math.max(1, count);
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120].find((s) => s >= rough) || 300;
  const ticks = [];
  for (let t = Math.ceil(from / step - 1e-9) * step; t <= to + 1e-9; t += step) ticks.push(Number(t.toFixed(3)));
  return ticks;
}
