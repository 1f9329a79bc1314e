/* The page "First hour": a GAN and a VAE that train in the browser, written by hand and without a library.

   `hour` holds what computes and knows no page: networks, losses and gradients, Adam, worlds, seeds, the two KL
   divergences. tests/book/test_first_hour.py runs it in Node and compares it with ganvae_lib. Below it stands the
   figure. Networks keep their weights as torch does, [out, in] row by row; minibatches are [batch, dim] in one array. */
"use strict";

const hour = (() => {
  // ------------------------------------------------------------------ numbers by seed and name

  /* A stream of numbers that depends on the seed and its name only (sfc32, started from a hash of both). */
  class Stream {
    constructor(seed, name) {
      let h = 2166136261;
      for (const letter of seed + " " + name) h = Math.imul(h ^ letter.codePointAt(0), 16777619);
      const next = () => {
        h = Math.imul(h ^ (h >>> 15), 2246822519) + 0x9e3779b9 | 0;
        return Math.imul(h ^ (h >>> 13), 3266489917);
      };
      [this.a, this.b, this.c, this.d, this.spare] = [next(), next(), next(), 1, null];
      for (let i = 0; i < 12; i++) this.uniform();
    }

    /* Uniform on [0, 1). */
    uniform() {
      const t = (this.a + this.b | 0) + this.d | 0;
      this.d = this.d + 1 | 0;
      this.a = this.b ^ (this.b >>> 9);
      this.b = this.c + (this.c << 3) | 0;
      this.c = ((this.c << 21) | (this.c >>> 11)) + t | 0;
      return (t >>> 0) / 4294967296;
    }

    /* Standard normal, by Box and Muller: two at a time. */
    normal() {
      if (this.spare !== null) {
        const kept = this.spare;
        this.spare = null;
        return kept;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform())), angle = 2 * Math.PI * this.uniform();
      this.spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    }

    normals(n) {
      return Float64Array.from({length: n}, () => this.normal());
    }

    uniforms(n) {
      return Float64Array.from({length: n}, () => this.uniform());
    }
  }

  // ------------------------------------------------------------------ networks

  // The three products of a linear layer, most of the time that a step takes: four rows of the minibatch at once, so that
  // a processor has four sums to work on, and each weight is read a quarter as often. Rows beyond n are left out.

  /* y = x Wᵀ + b. */
  function linear(flat, W, b, x, y, n, inputs, outputs) {
    for (let row = 0; row < n; row += 4) {
      const x0 = row * inputs, x1 = Math.min(row + 1, n - 1) * inputs;
      const x2 = Math.min(row + 2, n - 1) * inputs, x3 = Math.min(row + 3, n - 1) * inputs;
      for (let o = 0, w = W; o < outputs; o++, w += inputs) {
        let [s0, s1, s2, s3] = [flat[b + o], flat[b + o], flat[b + o], flat[b + o]];
        for (let i = 0; i < inputs; i++) {
          const weight = flat[w + i];
          s0 += weight * x[x0 + i];
          s1 += weight * x[x1 + i];
          s2 += weight * x[x2 + i];
          s3 += weight * x[x3 + i];
        }
        const at = row * outputs + o; // what is written beyond the end of an array is dropped
        y[at] = s0;
        y[at + outputs] = s1;
        y[at + 2 * outputs] = s2;
        y[at + 3 * outputs] = s3;
      }
    }
  }

  /* To the gradient of W add dyᵀ x, and to that of b the sum of dy. */
  function gradientOfWeights(gradient, W, b, x, dy, n, inputs, outputs) {
    for (let row = 0; row < n; row += 4) {
      const x0 = row * inputs, x1 = Math.min(row + 1, n - 1) * inputs;
      const x2 = Math.min(row + 2, n - 1) * inputs, x3 = Math.min(row + 3, n - 1) * inputs;
      for (let o = 0, w = W; o < outputs; o++, w += inputs) {
        const at = row * outputs + o, d0 = dy[at];
        const d1 = row + 1 < n ? dy[at + outputs] : 0, d2 = row + 2 < n ? dy[at + 2 * outputs] : 0;
        const d3 = row + 3 < n ? dy[at + 3 * outputs] : 0;
        gradient[b + o] += d0 + d1 + d2 + d3;
        for (let i = 0; i < inputs; i++) {
          gradient[w + i] += d0 * x[x0 + i] + d1 * x[x1 + i] + d2 * x[x2 + i] + d3 * x[x3 + i];
        }
      }
    }
  }

  /* dx = dy W. */
  function gradientOfInputs(flat, W, dy, dx, n, inputs, outputs) {
    for (let row = 0; row < n; row++) {
      const at = row * inputs, from = row * outputs;
      for (let o = 0; o < outputs; o += 4) {
        const w0 = W + o * inputs, w1 = W + Math.min(o + 1, outputs - 1) * inputs;
        const w2 = W + Math.min(o + 2, outputs - 1) * inputs, w3 = W + Math.min(o + 3, outputs - 1) * inputs;
        const d0 = dy[from + o], d1 = o + 1 < outputs ? dy[from + o + 1] : 0;
        const d2 = o + 2 < outputs ? dy[from + o + 2] : 0, d3 = o + 3 < outputs ? dy[from + o + 3] : 0;
        for (let i = 0; i < inputs; i++) {
          dx[at + i] += d0 * flat[w0 + i] + d1 * flat[w1 + i] + d2 * flat[w2 + i] + d3 * flat[w3 + i];
        }
      }
    }
  }

  /* Linear layers with leaky ReLUs between them; slope 0 is the plain ReLU. `flat` holds all weights, layer by layer,
     each W [out, in] before its b [out]; `gradient` and Adam's two moments are laid out alike. */
  class Network {
    constructor(sizes, slope = 0) {
      this.sizes = sizes;
      this.slope = slope;
      this.layers = [];
      let at = 0;
      for (let i = 0; i + 1 < sizes.length; i++) {
        const [inputs, outputs] = [sizes[i], sizes[i + 1]];
        this.layers.push({inputs, outputs, W: at, b: at + inputs * outputs});
        at += (inputs + 1) * outputs;
      }
      this.flat = new Float64Array(at);
      this.gradient = new Float64Array(at);
      this.adam = new Adam(at);
      this.seen = []; // what each layer read in the last forward pass
    }

    /* Uniform in ±1/√inputs, torch's law for a linear layer. */
    initialise(stream) {
      for (const {inputs, outputs, W} of this.layers) {
        const bound = 1 / Math.sqrt(inputs);
        for (let i = W; i < W + (inputs + 1) * outputs; i++) this.flat[i] = bound * (2 * stream.uniform() - 1);
      }
      return this;
    }

    /* x [n, in] ↦ [n, out]. */
    forward(x, n) {
      this.seen.length = 0;
      for (let l = 0; l < this.layers.length; l++) {
        const {inputs, outputs, W, b} = this.layers[l], y = new Float64Array(n * outputs);
        this.seen.push(x);
        linear(this.flat, W, b, x, y, n, inputs, outputs);
        if (l + 1 < this.layers.length) for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] *= this.slope;
        x = y;
      }
      return x;
    }

    /* From the loss's gradient at the outputs of the last forward pass to that at its inputs. Where `learn` is set,
       the gradient of the weights is added to `gradient`. */
    backward(dy, n, learn = true) {
      for (let l = this.layers.length - 1; l >= 0; l--) {
        const {inputs, outputs, W, b} = this.layers[l], x = this.seen[l], dx = new Float64Array(n * inputs);
        if (learn) gradientOfWeights(this.gradient, W, b, x, dy, n, inputs, outputs);
        gradientOfInputs(this.flat, W, dy, dx, n, inputs, outputs);
        if (l > 0) for (let i = 0; i < dx.length; i++) if (x[i] <= 0) dx[i] *= this.slope; // x came out of a leaky ReLU
        dy = dx;
      }
      return dy;
    }

    /* One update by Adam with what `gradient` holds, which is empty afterwards. */
    descend(rate, beta) {
      this.adam.move(this.flat, this.gradient, rate, beta);
      this.gradient.fill(0);
    }
  }

  /* Adam as torch has it: eps = 1e-8, beta2 = 0.999. */
  class Adam {
    constructor(n) {
      [this.first, this.second, this.steps] = [new Float64Array(n), new Float64Array(n), 0];
    }

    move(weights, gradient, rate, beta1, beta2 = 0.999, eps = 1e-8) {
      const {first, second} = this;
      this.steps++;
      const c1 = rate / (1 - beta1 ** this.steps), c2 = Math.sqrt(1 - beta2 ** this.steps);
      for (let i = 0; i < weights.length; i++) {
        const g = gradient[i];
        first[i] += (1 - beta1) * (g - first[i]);
        second[i] += (1 - beta2) * (g * g - second[i]);
        weights[i] -= c1 * first[i] / (Math.sqrt(second[i]) / c2 + eps);
      }
    }
  }

  // ------------------------------------------------------------------ links: losses of t, and their slopes

  const sigmoid = t => 1 / (1 + Math.exp(-t));
  const softplus = t => Math.max(t, 0) + Math.log1p(Math.exp(-Math.abs(t)));
  const logistic = {
    real: [t => softplus(-t), t => -sigmoid(-t)],
    fake: [softplus, sigmoid],
  };

  /* For each of the library's LINKS, three pairs (loss, slope): what the discriminator descends at data and at made
     points, and what the generator descends at made points. */
  const LINKS = {
    "minimax": {...logistic, generator: [t => -softplus(t), t => -sigmoid(t)]},
    "non-saturating": {...logistic, generator: logistic.real},
    "KL": {...logistic, generator: [t => -Math.exp(t), t => -Math.exp(t)]},
    "reverse KL": {...logistic, generator: [t => -t, () => -1]},
    "least squares": {
      real: [t => (t - 1) ** 2 / 2, t => t - 1],
      fake: [t => t ** 2 / 2, t => t],
      generator: [t => (t - 1) ** 2 / 2, t => t - 1],
    },
    "hinge": {
      real: [t => Math.max(0, 1 - t), t => (t < 1 ? -1 : 0)],
      fake: [t => Math.max(0, 1 + t), t => (t > -1 ? 1 : 0)],
      generator: [t => -t, () => -1],
    },
    "Wasserstein": {real: [t => -t, () => -1], fake: [t => t, () => 1], generator: [t => -t, () => -1], penalty: 10},
    "f-KL": {
      real: [t => -t, () => -1],
      fake: [t => Math.exp(t - 1), t => Math.exp(t - 1)],
      generator: [t => -Math.exp(t - 1), t => -Math.exp(t - 1)],
    },
    "f-reverse KL": {
      real: [t => Math.exp(-t), t => -Math.exp(-t)],
      fake: [t => t - 1, () => 1],
      generator: [t => 1 - t, () => -1],
    },
    "f-JS": {
      real: [t => softplus(-t) - Math.LN2, t => -sigmoid(-t)],
      fake: [t => softplus(t) - Math.LN2, sigmoid],
      generator: [t => Math.LN2 - softplus(t), t => -sigmoid(t)],
    },
  };

  /* The mean of a loss over outputs t, and its gradient at each of them, written into dt from `at` on. */
  function mean([loss, slope], t, dt, at, n) {
    let sum = 0;
    for (let i = at; i < at + n; i++) {
      sum += loss(t[i]) / n;
      dt[i] = slope(t[i]) / n;
    }
    return sum;
  }

  // ------------------------------------------------------------------ the two models

  const both = (a, b) => {
    const joined = new Float64Array(a.length + b.length);
    joined.set(a);
    joined.set(b, a.length);
    return joined;
  };

  /* A generator and a discriminator: Match("x", Adversary(link)). */
  class GAN {
    constructor({hidden, slope = 0, latent = 2, link = "non-saturating"}) {
      Object.assign(this, {latent, link, beta: 0.5});
      this.generator = new Network([latent, ...hidden, 2], slope);
      this.discriminator = new Network([2, ...hidden, 1], 0.2); // whatever the generator's, as in the library
    }

    initialise(seed) {
      this.generator.initialise(new Stream(seed, "generator"));
      this.discriminator.initialise(new Stream(seed, "discriminator"));
      return this;
    }

    /* The discriminator's loss at data x and codes z, [n, 2] and [n, latent]; u, [n], are places on the segments
       between data and made points, where a link with a penalty asks for slopes of length 1. Adds the gradient. */
    discriminatorLoss(x, z, n, u) {
      const link = LINKS[this.link], made = this.generator.forward(z, n);
      const t = this.discriminator.forward(both(x, made), 2 * n), dt = new Float64Array(2 * n);
      let loss = mean(link.real, t, dt, 0, n) + mean(link.fake, t, dt, n, n);
      this.discriminator.backward(dt, 2 * n);
      if (link.penalty) loss += link.penalty * this.penalty(x, made, n, u, link.penalty);
      return loss;
    }

    /* E[(‖∇t‖ - 1)²] on the segments. The slope ∇t is what a backward pass leaves at the inputs; its own gradient takes
       one more pass, forwards, through the same linear pieces. */
    penalty(x, made, n, u, weight) {
      const {layers, flat, gradient, slope, seen} = this.discriminator, top = layers.length - 1;
      const points = new Float64Array(2 * n);
      for (let i = 0; i < 2 * n; i++) points[i] = u[i >> 1] * x[i] + (1 - u[i >> 1]) * made[i];
      this.discriminator.forward(points, n);
      let sum = 0;
      for (let row = 0; row < n; row++) {
        const bend = (l, i) => (seen[l][row * layers[l].inputs + i] > 0 ? 1 : slope); // of the unit that layer l reads
        const down = []; // the derivative of t by the outputs of each layer, before they are bent
        let d = [1];
        for (let l = top; l >= 0; l--) {
          const {inputs, outputs, W} = layers[l], below = new Float64Array(inputs);
          down[l] = d;
          for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) below[i] += d[o] * flat[W + o * inputs + i];
          if (l > 0) for (let i = 0; i < inputs; i++) below[i] *= bend(l, i);
          d = below;
        }
        const norm = Math.sqrt(d[0] * d[0] + d[1] * d[1] + 1e-12);
        sum += (norm - 1) ** 2 / n;
        const scale = weight * 2 * (norm - 1) / norm / n;
        let up = [scale * d[0], scale * d[1]]; // the penalty's gradient by the slope
        for (let l = 0; l <= top; l++) {
          const {inputs, outputs, W} = layers[l], above = new Float64Array(outputs);
          for (let o = 0; o < outputs; o++) {
            for (let i = 0; i < inputs; i++) {
              gradient[W + o * inputs + i] += down[l][o] * up[i];
              above[o] += flat[W + o * inputs + i] * up[i];
            }
          }
          if (l < top) for (let o = 0; o < outputs; o++) above[o] *= bend(l + 1, o);
          up = above;
        }
      }
      return sum;
    }

    /* The generator's loss at codes z; adds its gradient, and leaves the discriminator's alone. */
    generatorLoss(z, n) {
      const t = this.discriminator.forward(this.generator.forward(z, n), n), dt = new Float64Array(n);
      const loss = mean(LINKS[this.link].generator, t, dt, 0, n);
      this.generator.backward(this.discriminator.backward(dt, n, false), n);
      return loss;
    }

    sample(z, n) {
      return this.generator.forward(z, n);
    }
  }

  /* An encoder of mean and log variance, and a decoder N(x; mean, σ²) with one σ that learns:
     Reconstruct("x") + weight * Match("z", KL()). */
  class VAE {
    constructor({hidden, slope = 0, latent = 2, weight = 1}) {
      Object.assign(this, {latent, weight, beta: 0.9});
      this.encoder = new Network([2, ...hidden, 2 * latent], slope);
      this.decoder = new Network([latent, ...hidden, 2], slope);
      this.logScale = {flat: new Float64Array(1), gradient: new Float64Array(1), adam: new Adam(1)};
    }

    initialise(seed) {
      this.encoder.initialise(new Stream(seed, "encoder"));
      this.decoder.initialise(new Stream(seed, "decoder"));
      return this;
    }

    /* Both terms at data x, [n, 2], with the noise of the codes, [n, latent]; adds the gradient of their sum. */
    loss(x, noise, n) {
      const {latent, weight} = this, inferred = this.encoder.forward(x, n), z = new Float64Array(n * latent);
      let kl = 0;
      for (let row = 0; row < n; row++) {
        for (let k = 0; k < latent; k++) {
          const mu = inferred[2 * row * latent + k], logVariance = inferred[(2 * row + 1) * latent + k];
          z[row * latent + k] = mu + Math.exp(logVariance / 2) * noise[row * latent + k];
          kl += (mu * mu + Math.exp(logVariance) - 1 - logVariance) / 2 / n;
        }
      }
      const back = this.decoder.forward(z, n), dBack = new Float64Array(2 * n);
      const logScale = this.logScale.flat[0], precision = Math.exp(-2 * logScale);
      let reconstruction = 2 * logScale + Math.log(2 * Math.PI);
      for (let i = 0; i < 2 * n; i++) {
        const miss = back[i] - x[i];
        reconstruction += miss * miss * precision / 2 / n;
        dBack[i] = miss * precision / n;
        this.logScale.gradient[0] += (1 - miss * miss * precision) / n;
      }
      const dz = this.decoder.backward(dBack, n), dInferred = new Float64Array(2 * n * latent);
      for (let row = 0; row < n; row++) {
        for (let k = 0; k < latent; k++) {
          const mu = inferred[2 * row * latent + k], logVariance = inferred[(2 * row + 1) * latent + k];
          const d = dz[row * latent + k], width = Math.exp(logVariance / 2);
          dInferred[2 * row * latent + k] = d + weight * mu / n;
          dInferred[(2 * row + 1) * latent + k] =
            d * width * noise[row * latent + k] / 2 + weight * (width * width - 1) / 2 / n;
        }
      }
      this.encoder.backward(dInferred, n);
      return {reconstruction, kl};
    }

    /* One update of both players. */
    descend(rate) {
      this.encoder.descend(rate, this.beta);
      this.decoder.descend(rate, this.beta);
      this.logScale.adam.move(this.logScale.flat, this.logScale.gradient, rate, this.beta);
      this.logScale.gradient.fill(0);
    }

    /* Codes z and noise e, [n, 2], as examples. */
    sample(z, n, e) {
      const x = this.decoder.forward(z, n), scale = Math.exp(this.logScale.flat[0]);
      for (let i = 0; i < x.length; i++) x[i] += scale * e[i];
      return x;
    }
  }

  // ------------------------------------------------------------------ worlds

  /* Equal round Gaussians, or with weights: centres [[x, y], ...], one standard deviation. Each knows its density. */
  const mixture = (centres, std, weights = null) => ({
    centres,
    std,
    weights: weights || centres.map(() => 1 / centres.length),
  });

  const onCircle = (n, radius) =>
    Array.from({length: n}, (_, k) => [radius * Math.cos(2 * Math.PI * k / n), radius * Math.sin(2 * Math.PI * k / n)]);

  /* A function for each world: ganvae_lib's ring() and grid(3, 1.6), and others. */
  const WORLDS = {
    "ring": () => mixture(onCircle(8, 2), 0.1),
    "unequal ring": () => mixture(onCircle(8, 2), 0.1, [0.2, 0.05, 0.2, 0.05, 0.2, 0.05, 0.2, 0.05]),
    "two clusters": () => mixture([[-1.5, 0], [1.5, 0]], 0.3),
    "grid": () => mixture([-1.6, 0, 1.6].flatMap(x => [-1.6, 0, 1.6].map(y => [x, y])), 0.1),
    "spiral": () =>
      mixture(Array.from({length: 40}, (_, k) => {
        const turn = 0.8 + 8.2 * k / 39;
        return [0.26 * turn * Math.cos(turn), 0.26 * turn * Math.sin(turn)];
      }), 0.1),
  };

  /* n points of a world, [n, 2]. */
  function draw(world, n, stream) {
    const x = new Float64Array(2 * n);
    for (let row = 0; row < n; row++) {
      let u = stream.uniform(), k = 0;
      while (k + 1 < world.weights.length && u >= world.weights[k]) u -= world.weights[k++];
      x[2 * row] = world.centres[k][0] + world.std * stream.normal();
      x[2 * row + 1] = world.centres[k][1] + world.std * stream.normal();
    }
    return x;
  }

  // ------------------------------------------------------------------ the two directions of KL, on a grid

  /* Cells over the square [-reach, reach]², and the width of the noise through which both densities are seen. */
  const GRID = {side: 48, reach: 4, width: 0.25};

  /* Σ_k w_k N(cell; centre_k, std²) at each cell, row by row from below, scaled to sum to 1. */
  function onGrid(centres, std, weights, {side, reach} = GRID) {
    const cells = new Float64Array(side * side), across = new Float64Array(side), up = new Float64Array(side);
    const step = 2 * reach / side, inside = v => Math.max(-reach, Math.min(reach, v));
    let sum = 0;
    for (let k = 0; 2 * k < centres.length; k++) {
      const x = inside(centres[2 * k]), y = inside(centres[2 * k + 1]); // what lies outside counts at the border
      for (let i = 0; i < side; i++) {
        const at = -reach + (i + 0.5) * step;
        across[i] = Math.exp(-((at - x) ** 2) / (2 * std * std));
        up[i] = weights[k] * Math.exp(-((at - y) ** 2) / (2 * std * std));
      }
      for (let j = 0; j < side; j++) for (let i = 0; i < side; i++) cells[j * side + i] += up[j] * across[i];
    }
    for (const cell of cells) sum += cell;
    for (let i = 0; i < cells.length; i++) cells[i] /= sum;
    return cells;
  }

  /* The world's density through the noise: a wider mixture, exactly. */
  const worldOnGrid = (world, grid = GRID) =>
    onGrid(world.centres.flat(), Math.hypot(world.std, grid.width), world.weights, grid);

  /* The density of points, [n, 2], through the noise: the kernel estimate. */
  const pointsOnGrid = (points, grid = GRID) =>
    onGrid(points, grid.width, new Float64Array(points.length / 2).fill(2 / points.length), grid);

  /* KL(p ‖ q) in nats; cells below the smallest numbers count as 1e-300. */
  function divergence(p, q) {
    let sum = 0;
    for (let i = 0; i < p.length; i++) {
      if (p[i] > 0) sum += p[i] * Math.log(Math.max(p[i], 1e-300) / Math.max(q[i], 1e-300));
    }
    return sum;
  }

  /* How many of the world's centres are covered, and the share of the points that lie at one, as ganvae_lib.coverage:
     within three standard deviations of the nearest, and a fifth of the points that are due. */
  function coverage(points, world) {
    const counts = new Float64Array(world.centres.length), n = points.length / 2;
    let good = 0;
    for (let row = 0; row < n; row++) {
      let best = Infinity, nearest = 0;
      world.centres.forEach(([x, y], k) => {
        const distance = Math.hypot(points[2 * row] - x, points[2 * row + 1] - y);
        if (distance < best) [best, nearest] = [distance, k];
      });
      if (best < 3 * world.std) {
        counts[nearest]++;
        good++;
      }
    }
    return {covered: counts.filter((c, k) => c >= 0.2 * n * world.weights[k]).length, good: good / n};
  }

  return {Stream, Network, Adam, LINKS, GAN, VAE, WORLDS, GRID, mixture, draw, worldOnGrid, pointsOnGrid, divergence, coverage};
})();

if (typeof module !== "undefined") module.exports = hour;
