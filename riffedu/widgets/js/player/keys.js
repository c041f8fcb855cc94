/* The keys of a player, and those of a player that can be painted on. */

const KEYS = [
  ["Space", "play, pause"],
  ["← →", "seek by 0.1 s, with Shift by 1 s"],
  ["Home End", "go to the beginning, the end"],
  ["L", "loop"],
  ["[ ]", "slower, faster"],
  ["+ − 0", "zoom in, out, show all"],
  ["B", "switch between A and B"],
  ["I O", "start, end the selection at the playhead"],
  ["U J", "raise its lower edge, lower its upper edge; with Shift the other way"],
  ["Esc", "drop the selection"],
  ["?", "show or hide this list"],
];
const PAINT_KEYS = [
  ["1 … 6", "choose a tool; with 1 the arrow keys seek again"],
  ["← → ↑ ↓", "with a tool: move the pen, with Shift farther"],
  ["Enter", "with a tool: pen down, pen up"],
  ["Ctrl Z", "undo"],
];

/** Do what a key stands for; other keys go on to where they are wanted. */
function playerKey(event, state, help) {
  const { transport } = state;
  if (state.pen.key(event)) return;
  const control = event.ctrlKey || event.metaKey;
  const seek = event.shiftKey ? 1 : 0.1;
  const actions = {
    " ": () => state.togglePlay(),
    ArrowLeft: () => transport.seek(transport.position - seek),
    ArrowRight: () => transport.seek(transport.position + seek),
    Home: () => transport.seek(0),
    End: () => transport.seek(transport.duration),
    Escape: () => (state.select(null), state.say("")),
    l: () => transport.set({ loop: !transport.loop }),
    b: () => state.switchSound(),
    "[": () => state.faster(-1),
    "]": () => state.faster(1),
    "+": () => state.zoom(0.5),
    "=": () => state.zoom(0.5),
    "-": () => state.zoom(2),
    0: () => state.show(0, 1),
    i: () => state.moveEdge(0),
    o: () => state.moveEdge(1),
    u: () => state.moveEdge(2, event.shiftKey ? 1 / 1.12 : 1.12),
    j: () => state.moveEdge(3, event.shiftKey ? 1.12 : 1 / 1.12),
    "?": help,
    z: () => control && state.painting.undo(),
  };
  const action = actions[event.key] || actions[event.key.toLowerCase()];
  if (!action || (control && event.key !== "z")) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}
