/* A phone in a class: a name and a code, then prompts for one corner. One message is under way at a
   time; after a lost connection it is sent again under the same number, which the server counts once. */

const COLOURS = { A: "#cc79a7", B: "#e69f00", C: "#0072b2", D: "#009e73" };
const IDEAS = ["a calm solo piano", "fast rock drums", "a church organ", "a string orchestra", "slow jazz", "techno", "a solo flute", "an acoustic guitar"];
const PIECE = 4; // seconds, about
const ENDED = 4000; // close code: the seat was taken away

const $ = (id) => document.getElementById(id);
const phone = { socket: null, joined: false, name: "", message: 0, outgoing: null, resend: false, seat: null };
const keep = (name, value) => { try { sessionStorage.setItem(name, value); } catch {} };
const kept = (name) => { try { return sessionStorage.getItem(name) ?? ""; } catch { return ""; } };

function connect() {
  const socket = new WebSocket(`ws://${location.host}/socket`);
  phone.socket = socket;
  socket.onopen = () => send({ join: phone.name, code: $("code").value, key: kept("key") });
  socket.onmessage = ({ data }) => socket === phone.socket && told(JSON.parse(data));
  socket.onclose = ({ code }) => socket === phone.socket && closed(code);
}

function send(content) {
  if (phone.socket?.readyState === WebSocket.OPEN) phone.socket.send(JSON.stringify(content));
}

function told(content) {
  if (content.refused) return refused(content);
  if (content.welcome) {
    keep("key", content.welcome);
    keep("name", phone.name);
    [phone.joined, phone.resend] = [true, true];
    return $("wrong").replaceChildren();
  }
  if (!phone.seat) phone.message = content.heard;
  phone.seat = content;
  if (phone.outgoing && content.heard >= phone.outgoing.message) {
    if (!content.wrong) $("prompt").value = "";
    phone.outgoing = null;
  } else if (phone.outgoing && phone.resend) send(phone.outgoing);
  phone.resend = false;
  show(content);
}

function refused({ refused: why, code }) {
  phone.joined = false;
  keep("key", "");
  $("wrong").textContent = sentence(why);
  showJoin();
  if (code) $("code").select();
  const { socket } = phone;
  phone.socket = null;
  socket.close();
}

function closed(code) {
  phone.socket = null;
  if (code === ENDED) {
    keep("key", "");
    [phone.joined, phone.seat, phone.outgoing] = [false, null, null];
    $("wrong").textContent = "This phone is no longer in the class.";
    return showJoin();
  }
  $("wrong").textContent = phone.joined ? "The connection is lost. Trying again …" : "The class cannot be reached. Is this phone on the class's Wi-Fi?";
  if (phone.joined) setTimeout(connect, 1500);
  else showJoin();
}

function showJoin() {
  $("join").hidden = false;
  $("play").hidden = true;
  $("join").querySelector("button").disabled = false;
}

function show(seat) {
  $("join").hidden = true;
  $("play").hidden = false;
  document.documentElement.style.setProperty("--corner", COLOURS[seat.corner]);
  [...$("pad").children].forEach((dot, i) => dot.classList.toggle("own", "ABCD"[i] === seat.corner));
  $("who").textContent = seat.name;
  $("letter").textContent = seat.corner;
  $("place").textContent = seat.place;
  $("send").disabled = Boolean(phone.outgoing);
  for (const button of $("ideas").children) button.disabled = Boolean(phone.outgoing);
  $("wrong").textContent = sentence(seat.wrong);
  $("note").textContent = sentence(seat.note);
  $("waiting").textContent = waiting(seat);
  $("playing").textContent = `In corner ${seat.corner} now: “${seat.playing}”${seat.yours ? ", yours" : ""}`;
}

function sentence(text) {
  return text && `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function waiting({ waiting: words, before, corner, yours, audible, paused, playing }) {
  if (paused) return "Your teacher has paused the phones.";
  if (words && before) return `“${words}” is waiting for corner ${corner}: ${before} ahead of you, about ${2 * PIECE * before} seconds.`;
  if (words) return `“${words}” plays next in corner ${corner}.`;
  if (yours) return audible ? `You hear “${playing}” now.` : `“${playing}” is on its way.`;
  return "Send a prompt, and it plays in your corner.";
}

function say(text) {
  if (phone.outgoing || !text.trim()) return;
  phone.outgoing = { say: text, message: ++phone.message };
  send(phone.outgoing);
  show(phone.seat);
}

$("join").onsubmit = (event) => {
  event.preventDefault();
  phone.name = $("name").value;
  $("join").querySelector("button").disabled = true;
  $("wrong").textContent = "";
  connect();
};
$("say").onsubmit = (event) => {
  event.preventDefault();
  say($("prompt").value);
};
for (const idea of IDEAS) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = idea;
  button.onclick = () => say(idea);
  $("ideas").append(button);
}
$("code").value = decodeURIComponent(location.hash.slice(1)).slice(0, 8);
$("name").value = kept("name");
if (kept("key")) $("join").requestSubmit();
else $("name").focus();
