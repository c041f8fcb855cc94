/* The discrete Fourier transform of any length with small prime factors (Stockham's order).

    After a stage, in[j, k] is frequency j of the transform of every (n/l)-th sample from k on, where
    l is the product of the factors so far. A factor r joins r such transforms into one:

        out[j + l t, k] = Σ_q e^{−2πi (j + l t) q / (l r)} · in[j, k + q M],      M = n / (l r) */
export class Fourier {
  constructor(n) {
    this.n = n;
    this.factors = factorsOf(n);
    this.cos = Float64Array.from({ length: n }, (_, i) => Math.cos((2 * Math.PI * i) / n));
    this.sin = Float64Array.from({ length: n }, (_, i) => -Math.sin((2 * Math.PI * i) / n));
    this.spare = [new Float64Array(n), new Float64Array(n)];
    this.gathered = Array.from({ length: 4 }, () => new Float64Array(8));
  }

  /** Transform in place; `re` and `im` are Float64Arrays of n numbers. */
  forward(re, im) {
    let [inRe, inIm, outRe, outIm] = [re, im, ...this.spare];
    let l = 1;
    for (const r of this.factors) {
      const stage = { 2: this.two, 4: this.four, 5: this.five }[r] ?? this.odd;
      stage.call(this, inRe, inIm, outRe, outIm, l, this.n / (l * r), r);
      [inRe, inIm, outRe, outIm] = [outRe, outIm, inRe, inIm];
      l *= r;
    }
    if (inRe !== re) {
      re.set(inRe);
      im.set(inIm);
    }
  }

  /** The inverse, without the factor 1/n: real and imaginary parts change places. */
  backward(re, im) {
    this.forward(im, re);
  }

  two(ar, ai, br, bi, l, M) {
    for (let j = 0; j < l; j++) {
      const c = this.cos[j * M], s = this.sin[j * M];
      for (let k = 0, p = 2 * j * M, o = j * M; k < M; k++, p++, o++) {
        const xr = ar[p + M] * c - ai[p + M] * s, xi = ar[p + M] * s + ai[p + M] * c;
        br[o] = ar[p] + xr;
        bi[o] = ai[p] + xi;
        br[o + l * M] = ar[p] - xr;
        bi[o + l * M] = ai[p] - xi;
      }
    }
  }

  four(ar, ai, br, bi, l, M) {
    const { cos, sin } = this;
    const far = l * M;
    for (let j = 0; j < l; j++) {
      const c1 = cos[j * M], s1 = sin[j * M], c2 = cos[2 * j * M], s2 = sin[2 * j * M], c3 = cos[3 * j * M], s3 = sin[3 * j * M];
      for (let k = 0, p = 4 * j * M, o = j * M; k < M; k++, p++, o++) {
        const q = p + M, r = q + M, s = r + M;
        const xr = ar[q] * c1 - ai[q] * s1, xi = ar[q] * s1 + ai[q] * c1;
        const yr = ar[r] * c2 - ai[r] * s2, yi = ar[r] * s2 + ai[r] * c2;
        const zr = ar[s] * c3 - ai[s] * s3, zi = ar[s] * s3 + ai[s] * c3;
        const er = ar[p] + yr, ei = ai[p] + yi, fr = ar[p] - yr, fi = ai[p] - yi;
        const gr = xr + zr, gi = xi + zi, hr = xi - zi, hi = zr - xr; // −i (x − z)
        br[o] = er + gr;
        bi[o] = ei + gi;
        br[o + far] = fr + hr;
        bi[o + far] = fi + hi;
        br[o + 2 * far] = er - gr;
        bi[o + 2 * far] = ei - gi;
        br[o + 3 * far] = fr - hr;
        bi[o + 3 * far] = fi - hi;
      }
    }
  }

  five(ar, ai, br, bi, l, M) {
    const { cos, sin } = this;
    const far = l * M;
    const u = Math.cos(0.4 * Math.PI), v = Math.cos(0.8 * Math.PI), a = Math.sin(0.4 * Math.PI), b = Math.sin(0.8 * Math.PI);
    for (let j = 0; j < l; j++) {
      const c1 = cos[j * M], s1 = sin[j * M], c2 = cos[2 * j * M], s2 = sin[2 * j * M];
      const c3 = cos[3 * j * M], s3 = sin[3 * j * M], c4 = cos[4 * j * M], s4 = sin[4 * j * M];
      for (let k = 0, p = 5 * j * M, o = j * M; k < M; k++, p++, o++) {
        const p1 = p + M, p2 = p1 + M, p3 = p2 + M, p4 = p3 + M;
        const wr = ar[p1] * c1 - ai[p1] * s1, wi = ar[p1] * s1 + ai[p1] * c1;
        const xr = ar[p2] * c2 - ai[p2] * s2, xi = ar[p2] * s2 + ai[p2] * c2;
        const yr = ar[p3] * c3 - ai[p3] * s3, yi = ar[p3] * s3 + ai[p3] * c3;
        const zr = ar[p4] * c4 - ai[p4] * s4, zi = ar[p4] * s4 + ai[p4] * c4;
        const er = wr + zr, ei = wi + zi, fr = wr - zr, fi = wi - zi;
        const gr = xr + yr, gi = xi + yi, hr = xr - yr, hi = xi - yi;
        const mr = ar[p] + u * er + v * gr, mi = ai[p] + u * ei + v * gi;
        const nr = ar[p] + v * er + u * gr, ni = ai[p] + v * ei + u * gi;
        const tr = a * fi + b * hi, ti = -a * fr - b * hr;
        const sr = b * fi - a * hi, si = -b * fr + a * hr;
        br[o] = ar[p] + er + gr;
        bi[o] = ai[p] + ei + gi;
        br[o + far] = mr + tr;
        bi[o + far] = mi + ti;
        br[o + 2 * far] = nr + sr;
        bi[o + 2 * far] = ni + si;
        br[o + 3 * far] = nr - sr;
        bi[o + 3 * far] = ni - si;
        br[o + 4 * far] = mr - tr;
        bi[o + 4 * far] = mi - ti;
      }
    }
  }

  /** Any odd factor: inputs q and r − q meet the same cosines, and sines of opposite signs. */
  odd(ar, ai, br, bi, l, M, r) {
    const { cos, sin, n, gathered } = this;
    const half = (r - 1) / 2, far = l * M, turn = n / r;
    const [er, ei, fr, fi] = gathered; // sums and differences of the pairs
    for (let j = 0; j < l; j++) {
      for (let k = 0, p = r * j * M, o = j * M; k < M; k++, p++, o++) {
        let sumRe = ar[p], sumIm = ai[p];
        for (let q = 1; q <= half; q++) {
          const c = cos[q * j * M], s = sin[q * j * M], d = cos[(r - q) * j * M], t = sin[(r - q) * j * M];
          const x = p + q * M, y = p + (r - q) * M;
          const xr = ar[x] * c - ai[x] * s, xi = ar[x] * s + ai[x] * c;
          const yr = ar[y] * d - ai[y] * t, yi = ar[y] * t + ai[y] * d;
          er[q] = xr + yr;
          ei[q] = xi + yi;
          fr[q] = xr - yr;
          fi[q] = xi - yi;
          sumRe += er[q];
          sumIm += ei[q];
        }
        br[o] = sumRe;
        bi[o] = sumIm;
        for (let t = 1; t <= half; t++) {
          let gr = ar[p], gi = ai[p], hr = 0, hi = 0;
          for (let q = 1, at = t; q <= half; q++, at = (at + t) % r) {
            const c = cos[at * turn], s = sin[at * turn];
            gr += er[q] * c;
            gi += ei[q] * c;
            hr -= fi[q] * s;
            hi += fr[q] * s;
          }
          br[o + t * far] = gr + hr;
          bi[o + t * far] = gi + hi;
          br[o + (r - t) * far] = gr - hr;
          bi[o + (r - t) * far] = gi - hi;
        }
      }
    }
  }
}

function factorsOf(n) {
  const factors = [];
  for (const r of [4, 2, 3, 5, 7, 11, 13]) {
    while (n % r === 0) {
      factors.push(r);
      n /= r;
    }
  }
  if (n !== 1) throw new Error(`The FFT supports no prime factor above 13, but the length is ${n}.`);
  return factors;
}
