/* From noise to latents: lesson 08's DPM-Solver++(2M), lesson 10's guidance, lesson 12's mask. */

/** A noise level: its timestep, √ᾱ, √(1 − ᾱ) and their ratio σ. */
function levelOf([timestep, alphaBar]) {
  const [signal, deviation] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
  return { timestep, signal, deviation, sigma: deviation / signal };
}

/** Denoise, from pure noise to clean latents, and return them.

    `predict(x, timestep)` is the guided U-Net, which predicts the velocity v. `levels` are those of
    riffedu.diffusion.schedule. Where `kept(i)` is true, latent i stays what it is in `known`, which
    is zero or old music. `stopped()` is asked before each step and may throw. */
export async function denoise(predict, noise, known, kept, levels, stopped) {
  const all = levels.map(levelOf);
  let x = noise.map((e, i) => all[0].signal * known[i] + all[0].deviation * e);
  let previous = null;
  for (let step = 0; step + 1 < all.length; step++) {
    await stopped();
    const [level, next] = [all[step], all[step + 1]];
    const v = await predict(x, level.timestep);
    const x0 = x.map((value, i) => level.signal * value - level.deviation * v[i]);
    const moved = solverStep(x, x0, level, next, previous);
    x = moved.map((value, i) => (kept(i) ? next.signal * known[i] + next.deviation * noise[i] : value));
    previous = { x0, level };
  }
  return x;
}

/** x' = (s'/s) · x + (√ᾱ' − (s'/s) √ᾱ) · D, where s is √(1 − ᾱ) and D extrapolates x₀ in ln σ. */
function solverStep(x, x0, level, next, previous) {
  const scale = next.deviation / level.deviation;
  const cleanScale = next.signal - scale * level.signal;
  let trend = 0;
  if (previous && next.deviation) {
    trend = Math.log(level.sigma / next.sigma) / (2 * Math.log(previous.level.sigma / level.sigma));
  }
  return x.map((value, i) => scale * value + cleanScale * (x0[i] + (trend ? trend * (x0[i] - previous.x0[i]) : 0)));
}

/** The U-Net, guided from the states of the empty prompt towards `text` up to timestep `below`.

    `unet(latents, timestep, states)` takes lists of items and returns as many predictions. */
export function guided(unet, text, empty, scale, below) {
  return async (x, timestep) => {
    const here = timestep <= below ? scale : Math.min(scale, 1);
    if (here === 1) return (await unet([x], timestep, [text]))[0];
    const [without, withText] = await unet([x, x], timestep, [empty, text]);
    return without.map((u, i) => u + here * (withText[i] - u));
  };
}

/** The token states of four corners, mixed at (x, y): lower left, lower right, upper left, upper right. */
export function fourCorners([a, b, c, d], x, y) {
  return a.map((value, i) => (1 - y) * ((1 - x) * value + x * b[i]) + y * ((1 - x) * c[i] + x * d[i]));
}
