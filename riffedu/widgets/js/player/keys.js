/* The keys of a player. */

const KEYS =
  "Space plays and pauses, arrow keys seek (with Shift by a second), Home and End go to the ends, L loops, " +
  "[ and ] change speed, + and − zoom, 0 shows all, B switches A and B, I and O set where a " +
  "selection begins and ends, U and J raise its lower edge and lower its upper edge, " +
  "Shift with U and J widens it again, Escape drops it.";

/** Do what a key stands for; other keys go on to where they are wanted. */
function playerKey(event, state) {
  const { transport } = state;
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
    z: () => control && state.painting.undo(),
  };
  const action = actions[event.key] || actions[event.key.toLowerCase()];
  if (!action || (control && event.key !== "z")) return;
  event.preventDefault();
  event.stopPropagation();
  action();
}
