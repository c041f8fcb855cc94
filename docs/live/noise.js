/* The random numbers of torch on a CPU, so that a seed gives the same music here as in Python. */

/** The Mersenne Twister mt19937 (Matsumoto and Nishimura 1998): whole numbers of 32 bits. */
export class Twister {
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = seed;
    for (let i = 1; i < 624; i++) {
      const last = this.state[i - 1];
      this.state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
    }
    this.at = 624;
  }

  next() {
    if (this.at === 624) this.twist();
    let y = this.state[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  twist() {
    const s = this.state;
    for (let i = 0; i < 624; i++) {
      const y = (s[i] & 0x80000000) | (s[(i + 1) % 624] & 0x7fffffff);
      s[i] = s[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }

  /** torch.rand: uniform in [0, 1), with 24 bits. */
  uniform() {
    return (this.next() & 0xffffff) / 0x1000000;
  }
}

/** torch.randn with a generator of this seed, for a `count` that is a multiple of 16.

    torch draws 16 uniform numbers at a time and turns each pair (u, v), eight apart, into
    √(−2 ln(1 − u)) · cos 2πv and √(−2 ln(1 − u)) · sin 2πv (Box and Muller 1958). */
export function normal(seed, count) {
  const twister = new Twister(seed);
  const out = Float32Array.from({ length: count }, () => twister.uniform());
  for (let start = 0; start < count; start += 16) {
    for (let i = start; i < start + 8; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - out[i]));
      const angle = 2 * Math.PI * out[i + 8];
      out[i] = radius * Math.cos(angle);
      out[i + 8] = radius * Math.sin(angle);
    }
  }
  return out;
}
