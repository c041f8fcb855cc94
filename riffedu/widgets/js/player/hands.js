/* The pointer on a player's picture, wheel and keys: what they mean for its state. */

class PlayerHands {
  constructor(page, state, axes, signal) {
    Object.assign(this, { page, state, axes });
    const { over, strip } = page;
    const on = (target, name, action, options = {}) => target.addEventListener(name, action, { signal, ...options });
    on(over, "pointerdown", (event) => this.down(event));
    on(over, "pointermove", (event) => this.hover(event));
    on(over, "pointerleave", () => state.hold({ cursor: null }));
    on(over, "keydown", (event) => playerKey(event, state, page.help.turn));
    on(over, "wheel", (event) => this.wheel(event), { passive: false });
    on(over, "blur", () => state.pen.lift());
    on(strip, "pointerdown", (event) => this.scroll(event));
  }

  point(event) {
    const box = this.page.over.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  hover(event) {
    if (event.pointerType === "touch") return;
    const at = this.point(event);
    this.state.hold({ cursor: this.axes.inside(at) ? at : null });
  }

  down(event) {
    const { over } = this.page;
    const { state } = this;
    if (event.button || !this.axes.box) return;
    event.preventDefault();
    state.pen.rest();
    over.focus({ preventScroll: true });
    over.setPointerCapture(event.pointerId);
    const start = this.point(event);
    const drag = state.painting.tool === "select" ? this.selecting(start) : this.painting(start);
    state.hold({ down: true });
    const move = (e) => drag?.move(this.point(e));
    const up = (e) => {
      state.hold({ down: false });
      over.removeEventListener("pointermove", move);
      over.removeEventListener("pointerup", up);
      over.removeEventListener("pointercancel", up);
      drag?.end(this.point(e));
    };
    over.addEventListener("pointermove", move);
    over.addEventListener("pointerup", up);
    over.addEventListener("pointercancel", up);
  }

  /** A click seeks; a drag selects; below the picture it selects a time in every band. */
  selecting(start) {
    const { state, axes } = this;
    const a = axes.where(start);
    const band = axes.below(start);
    const rectangle = (now) => {
      const b = axes.where(now);
      const heights = band ? state.scale.ends : [Math.min(a.f, b.f), Math.max(a.f, b.f)];
      return [Math.min(a.t, b.t), Math.max(a.t, b.t), ...heights];
    };
    const far = (now) => Math.abs(now.x - start.x) > 4 || (!band && Math.abs(now.y - start.y) > 4);
    return {
      move: (now) => state.hold({ rubber: far(now) ? rectangle(now) : null, cursor: now }),
      end: (now) => {
        state.hold({ rubber: null });
        if (far(now)) {
          const [from, to, low, high] = rectangle(now);
          state.select([from, Math.max(to, from + 0.02), low, Math.max(high, low * 1.06 + 10)]);
          state.transport.play(from);
        } else {
          const s = state.selection;
          if (s && (a.t < s[0] || a.t > s[1])) state.select(null);
          state.transport.seek(a.t);
        }
      },
    };
  }

  painting(start) {
    const { state, axes } = this;
    const stroke = state.painting.begin(axes.where(start));
    if (!stroke) return null;
    let last = start;
    const draw = (now) => state.hold({ line: stroke.shape ? { start, now } : null });
    draw(start);
    return {
      move: (now) => {
        stroke.move(axes.where(last), axes.where(now));
        last = now;
        draw(now);
      },
      end: (now) => {
        state.hold({ line: null });
        stroke.end(axes.where(start), axes.where(now));
      },
    };
  }

  wheel(event) {
    const { state, axes } = this;
    const across = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
    if (!event.ctrlKey && !event.metaKey && !across) return; // the page scrolls
    event.preventDefault();
    const [left, right] = state.view;
    if (across) {
      const by = ((right - left) * across) / axes.box.width;
      state.show(left + by, right + by);
    } else {
      const share = (this.point(event).x - axes.box.x) / axes.box.width;
      state.zoom(2 ** (event.deltaY / 200), Math.max(0, Math.min(1, share)));
    }
  }

  scroll(event) {
    const { state } = this;
    const { strip } = this.page;
    event.preventDefault();
    strip.setPointerCapture(event.pointerId);
    const box = strip.getBoundingClientRect();
    const go = (e) => {
      const wide = state.view[1] - state.view[0];
      const left = (e.clientX - box.left) / box.width - wide / 2;
      state.show(left, left + wide);
    };
    go(event);
    strip.onpointermove = go;
    strip.onpointerup = strip.onpointercancel = () => (strip.onpointermove = null);
  }
}
