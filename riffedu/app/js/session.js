/* Sessions on their way out and in: as a file, or as a link that opens the page with them. */

const LONGEST_LINK = 8000; // characters

async function copyLink(session, say) {
  const told = JSON.parse(session);
  if (told.sound) return say("A link can't hold a sound of your own: save the session as a file.", true);
  const packed = await squeezed(session);
  if (packed.length > LONGEST_LINK) return say("This session has grown too long for a link: save it as a file.", true);
  const link = `${location.href.split("#")[0]}#session=${packed}`;
  history.replaceState(null, "", link);
  try {
    await navigator.clipboard.writeText(link);
    say("The link is in the clipboard, and in the address bar.");
  } catch {
    say("The link is in the address bar.");
  }
}

/** Begin with the session that the page's address holds, if it does. */
async function openLink(state) {
  const packed = state.get("page") && new URLSearchParams(location.hash.slice(1)).get("session");
  if (!packed) return;
  try {
    state.restore(await unsqueezed(packed));
  } catch {
    state.say("The link's session is damaged, so the instrument starts afresh.", true);
  }
}

function saveSession(session) {
  download(new Blob([session], { type: "application/json" }), "riffedu-session.json");
}

/** Text as a short piece of an address, and back. */
async function squeezed(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const letters = Array.from(bytes, (b) => String.fromCharCode(b)).join("");
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function unsqueezed(packed) {
  const letters = atob(packed.replace(/-/g, "+").replace(/_/g, "/"));
  const bytes = Uint8Array.from(letters, (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}
