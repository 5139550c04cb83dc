// From what a browser tells of a wheel or a touchpad to notches of a wheel, of which a PC knows only whole ones.
const A_NOTCH = [100, 3, 0.1]; // in pixels, lines, pages: the units of WheelEvent.deltaMode
const GESTURE_MS = 300; // after such a pause a new gesture begins
const MOST = 50; // the agent takes no more at once

export class Wheel {
  constructor() {
    this.left = [0, 0]; // what has not made a whole notch yet
    this.at = -Infinity;
  }

  // [dx, dy] of an event at `now` (ms); positive to the right and down, as in the browser.
  notches(event, now) {
    const fresh = now - this.at > GESTURE_MS;
    this.at = now;
    const unit = A_NOTCH[event.deltaMode] ?? A_NOTCH[0];
    return [event.deltaX, event.deltaY].map((delta, axis) => this.turn(axis, delta / unit, fresh));
  }

  turn(axis, part, fresh) {
    if (fresh || part * this.left[axis] < 0) this.left[axis] = 0;
    const sum = this.left[axis] + part;
    // A mouse of small steps: its first one must show.
    const whole = fresh && Math.abs(part) >= 0.4 ? Math.sign(part) * Math.max(1, Math.round(Math.abs(sum))) : Math.trunc(sum + Math.sign(sum) * 1e-6);
    this.left[axis] = fresh && whole ? 0 : sum - whole;
    return Math.max(-MOST, Math.min(MOST, whole)) || 0;
  }
}
