/* Sessions on their way out and in: as a file, or as a link that opens the page with them. */

const LONGEST_LINK = 8000; // characters

async function copyLink(session, say) {
  const told = JSON.parse(session);
  if (told.sound) return say("A link can't hold a sound of your own: save the session as a file.", true);
  const packed = await squeezed(session);
  if (packed.length > LONGEST_LINK) return say("This session has grown too long for a link: save it as a file.", true);
  history.replaceState(null, "", `${location.href.split("#")[0]}#session=${packed}`);
  const link = new URL(location.href);
  link.searchParams.delete("token"); // a link is shown to others, the token is a password
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(link.hostname) ? " It works on this computer only." : "";
  try {
    await navigator.clipboard.writeText(link.href);
    say(`The link is in the clipboard.${here}`);
  } catch {
    say(`The link is in the address bar.${here}`);
  }
}

/** Begin with the session that the page's address holds, or else with the controls that the browser kept. */
async function openLinkOrRecall(state) {
  const packed = state.get("page") && new URLSearchParams(location.hash.slice(1)).get("session");
  if (packed) {
    try {
      return state.restore(await unsqueezed(packed));
    } catch {
      state.say("The link's session is damaged, so the instrument starts afresh.", true);
    }
  } else recall(state);
  state.renewSoon();
}

/** Its name in the browser; another `riffedu app --seed` begins afresh. */
const kept = (state) => `riffedu-instrument-${state.firstSeed}`;

/** Keep the controls in the browser, so that a reload of the app's page does not lose them. */
function remember(state) {
  if (!state.get("page")) return;
  const controls = Object.fromEntries(CONTROLS.map((name) => [name, state.get(name)]));
  if (controls.seed_sound === "file") controls.seed_sound = ""; // the sound itself is not kept
  try {
    localStorage.setItem(kept(state), JSON.stringify(controls));
  } catch {} // a browser may forbid it
}

/** Set the controls to what the browser kept. */
function recall(state) {
  if (!state.get("page")) return;
  try {
    const stored = JSON.parse(localStorage.getItem(kept(state)) ?? "{}");
    const fits = ([name, value]) => CONTROLS.includes(name) && typeof value === typeof state.get(name);
    const controls = Object.fromEntries(Object.entries(stored).filter(fits));
    if (Object.keys(controls).length) state.set(controls);
  } catch {} // damaged or forbidden: begin as always
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
