/* A service worker: it keeps every file of the page, so that the page works without a network. VERSION,
   which changes with any file, is put first when the page is built. */

const kept = `riffedu-live-${VERSION}`;

/** Keep all but the model, which is kept when the page asks for it: it shows how much has come. */
self.addEventListener("install", (event) => {
  const install = async () => {
    const list = "./files.json";
    const { files } = await (await fetch(list, { cache: "no-cache" })).json();
    const cache = await caches.open(kept);
    const names = ["./", list, ...files.filter((name) => !name.endsWith(".gz"))];
    // The browser's own cache may still hold files of an older version.
    await cache.addAll(names.map((name) => new Request(name, { cache: "reload" })));
    await self.skipWaiting();
  };
  event.waitUntil(install());
});

self.addEventListener("activate", (event) => {
  const activate = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("riffedu-live-") && name !== kept);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(activate());
});

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && event.request.url.startsWith(self.registration.scope)) event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(kept);
  const known = await cache.match(request, { ignoreSearch: true });
  if (known) return isolated(known);
  const response = await fetch(request, request.url.endsWith(".gz") ? { cache: "no-cache" } : {});
  if (response.ok) cache.put(request, response.clone());
  return isolated(response);
}

/** The same answer with the headers that make a page isolated, so that it may use threads. */
function isolated(response) {
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
