/* The lab book as a file: one HTML page that plays anywhere, and that a lab book can open again. */

const LARGEST_PAGE = 300e6; // bytes
const PAGE_STYLE = `:root { color-scheme: light dark; } body { max-width: 60em; margin: auto; padding: 1em; font: 16px/1.5 system-ui, sans-serif; }
article { display: inline-block; vertical-align: top; width: 300px; margin: 0 16px 24px 0; } h2 { font-size: 1em; margin: 0; }
img { width: 300px; height: 150px; background: #fff; } audio { width: 300px; } pre { white-space: pre-wrap; font-size: 12px; } p { margin: 0; }`;

async function bookPage(store) {
  const articles = []; // parts of the file: a string cannot hold a large book
  for (const card of store.cards) {
    const { samples, channels, pixels, rows, columns } = await store.body(card.id);
    const { id, thumb, ...told } = card;
    const png = await new SpectrogramPicture(pixels, rows, columns).png();
    const wav = wavFile(channelsOf(samples.buffer, channels), card.record);
    const record = JSON.stringify(recordOf(card.record), null, 1);
    const article = el("article", { "data-clip": JSON.stringify(told) },
      el("h2", {}, `${card.star ? "★ " : ""}${card.label}`), el("p", {}, factsOf(card).join(", ")),
      el("img", { "data-picture": "", alt: `Spectrogram of ${card.label}`, src: await dataUrl(png) }),
      el("audio", { controls: true, preload: "none", src: await dataUrl(wav), ariaLabel: card.label }),
      el("details", {}, el("summary", {}, "How it was made"), el("pre", {}, record)));
    articles.push(new Blob([article.outerHTML, "\n"]));
  }
  const intro = `${store.cards.length} clips, generated with riffedu. You can open this page again in a lab book.`;
  return new Blob(
    ['<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">\n',
      `<title>riffedu: lab book</title><style>${PAGE_STYLE}</style>\n<h1>Lab book</h1>\n<p>${intro}</p>\n<hr>\n`, ...articles, "</html>\n"],
    { type: "text/html" },
  );
}

/** Add the clips of an exported page to a store, the newest first; how many it has, and how many did not fit. */
async function openBookPage(file, store) {
  if (file.size > LARGEST_PAGE) throw new Error(`${file.name} is too large: a lab book has at most ${LARGEST_PAGE / 1e6} MB.`);
  const page = new DOMParser().parseFromString(await file.text(), "text/html"); // runs no script of it
  const articles = [...page.querySelectorAll("article[data-clip]")];
  if (!articles.length) throw new Error(`${file.name} is not an exported lab book.`);
  let left = 0;
  for (const article of articles) {
    try {
      const { label, record, kind, star, made } = JSON.parse(article.dataset.clip);
      const plain = { label: String(label), record: String(record), kind: kind in MOST ? kind : "clip", star: star === true, made: Number(made) || Date.now() };
      const sound = samplesOf(article.querySelector("audio").src);
      const picture = await pixelsOf(article.querySelector("img").src);
      if (!(await store.bring({ ...plain, ...sound, ...picture }))) left += 1;
    } catch {
      throw new Error(`${file.name} is damaged: one of its clips cannot be read. Export the lab book again.`);
    }
  }
  return { count: articles.length, left };
}

function dataUrl(blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(blob);
  });
}

/** The samples of a WAV file as `wavFile` writes it. */
function samplesOf(url) {
  const letters = atob(url.slice(url.indexOf(",") + 1));
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const head = new DataView(bytes.buffer);
  const [channels, length] = [head.getUint16(22, true), head.getUint32(40, true)];
  if (!(channels === 1 || channels === 2) || length < 2 || 44 + length > bytes.length) throw new Error("no sound");
  return { channels, samples: new Int16Array(bytes.buffer.slice(44, 44 + length - (length % (2 * channels)))) };
}

async function pixelsOf(url) {
  if (!url.startsWith("data:image/png")) throw new Error("no picture");
  const image = new Image();
  image.src = url;
  await image.decode();
  const [columns, rows] = [image.naturalWidth, image.naturalHeight];
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns, rows];
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, columns, rows);
  return { rows, columns, pixels: Uint8Array.from({ length: rows * columns }, (_, i) => data[4 * i]) };
}
