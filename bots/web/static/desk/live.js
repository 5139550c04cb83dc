// The socket of live updates: events to the page, typing and looking to the server, and reconnecting.

const events = new EventTarget();
let socket = null;
let attempts = 0;
let lastId = Number(document.getElementById("desk").dataset.live ?? 0);
let watched = null;

/** Call `handler(detail)` for frames of a type: happened, typing, viewing, online, offline, again. */
export function on(type, handler) {
  events.addEventListener(type, (event) => handler(event.detail));
}

const tell = (type, detail = {}) => events.dispatchEvent(new CustomEvent(type, { detail }));

function send(frame) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
}

/** Which conversation is open here: its typing and viewers are sent to us. */
export function watch(conversation) {
  watched = conversation;
  send({ type: "watch", conversation });
}

let typedAt = 0;
/** Tell the others that this person writes; at most every 3 seconds. `mode` is reply or note. */
export function typing(conversation, mode) {
  if (Date.now() - typedAt < 3000) return;
  typedAt = Date.now();
  send({ type: "typing", conversation, mode });
}

export function stoppedTyping(conversation) {
  typedAt = 0;
  send({ type: "stopped", conversation });
}

function receive(frame) {
  if (frame.id) lastId = Math.max(lastId, frame.id);
  tell(frame.type, frame);
}

function retry() {
  const wait = Math.min(15000, 500 * 2 ** attempts) * (0.7 + Math.random() * 0.6);
  attempts += 1;
  setTimeout(connect, wait);
}

export function connect() {
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/desk/live?since=${lastId}`);
  socket.addEventListener("open", () => {
    const again = attempts > 0;
    attempts = 0;
    if (watched) send({ type: "watch", conversation: watched });
    tell("online", { again });
  });
  socket.addEventListener("message", (event) => receive(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    if (event.code === 4401) {
      location.assign(`/desk/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    tell("offline");
    retry();
  });
}

addEventListener("online", () => {
  attempts = 1;
  connect();
});
