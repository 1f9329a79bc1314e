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
    "unequal ring": () => mixture(onCircle(8, 2), 0.1, [0.225, 0.025, 0.225, 0.025, 0.225, 0.025, 0.225, 0.025]),
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

// -------------------------------------------------------------------- the figure

/* What both models start from: the ten lines of code on the page say the same, and a test compares them. */
const SETTINGS = {hidden: [32, 32], latent: 2, batch: 64, rate: 0.003, link: "non-saturating", weight: 1, world: "unequal ring"};
const RATES = [0.0003, 0.001, 0.003, 0.01], WEIGHTS = [0, 0.25, 0.5, 1, 2, 4], LOOKS = 1000;
const PAUSE = 2000; // steps, of which the page speaks: there the first run stands still by itself
const SPEEDS = {"10 a second": 10, "100 a second": 100, "full": 1e5};
const OWN = "draw your own";

/* One model with its own streams of data and noise, each of which begins anew with the seed. Both models see the same
   minibatches, one after another, however their steps are taken. */
class Player {
  constructor(kind, seed, settings) {
    const {hidden, latent} = SETTINGS;
    Object.assign(this, {kind, settings, steps: 0, phiSteps: 0, losses: null, broken: false, history: []});
    this.model = (kind === "GAN" ? new hour.GAN({hidden, latent}) : new hour.VAE({hidden, latent, slope: 0.2})).initialise(seed);
    this.data = new hour.Stream(seed, "data");
    this.noise = new hour.Stream(seed, `noise of the ${kind}`);
    this.segments = new hour.Stream(seed, "segments");
    const look = new hour.Stream(seed, "look"); // the same codes at each look: a point that moves is one point
    [this.codes, this.blur] = [look.normals(2 * LOOKS), look.normals(2 * LOOKS)];
  }

  /* One step, or for a GAN that of one of its players, "phi" or "theta". */
  step(world, who = "both") {
    if (this.broken || !world.centres.length) return;
    const {batch} = SETTINGS, {model, settings} = this;
    const x = hour.draw(world, batch, this.data), noise = this.noise.normals(2 * batch), losses = {...this.losses};
    if (this.kind === "VAE") {
      model.weight = settings.weight;
      Object.assign(losses, model.loss(x, noise, batch));
    } else {
      model.link = settings.link;
      if (who !== "theta") {
        losses.phi = model.discriminatorLoss(x, noise, batch, this.segments.uniforms(batch));
        if (Number.isFinite(losses.phi)) model.discriminator.descend(settings.rate, model.beta);
        this.phiSteps++;
      }
      if (who !== "phi") losses.theta = model.generatorLoss(noise, batch);
    }
    this.losses = losses;
    this.broken = !Object.values(losses).every(Number.isFinite);
    if (this.broken) return;
    if (this.kind === "VAE") model.descend(settings.rate);
    else if (who !== "phi") model.generator.descend(settings.rate, model.beta);
    if (who !== "phi") this.steps++;
  }

  points(n = LOOKS) {
    return this.model.sample(this.codes.subarray(0, 2 * n), n, this.blur);
  }

  /* Both directions and the coverage, now; the history keeps them by the number of steps. */
  look(world, density) {
    if (!world.centres.length) return null;
    const points = this.points(), made = hour.pointsOnGrid(points);
    this.made = made;
    const found = {
      step: Math.max(this.steps, this.phiSteps),
      forward: hour.divergence(density, made),
      reverse: hour.divergence(made, density),
      ...hour.coverage(points, world),
    };
    if (this.history.length && this.history[this.history.length - 1].step === found.step) this.history.pop();
    this.history.push(found);
    if (this.history.length > 600) this.history = this.history.filter((_, i) => i % 2 === 0 || i > 500);
    return found;
  }
}

/* The figure in an element of the page. */
function figure(root) {
  const options = (values, chosen) =>
    values.map(v => `<option${v === chosen ? " selected" : ""}>${v}</option>`).join("");
  const select = (name, label, values, chosen) =>
    `<label><span>${label}</span><select name="${name}">${options(values, chosen)}</select></label>`;
  const card = (kind, words, buttons, controls) => `
    <section class="model" aria-label="${words}">
      <h2>${kind} <code></code></h2>
      <canvas class="picture" data-kind="${kind}" width="360" height="360" tabindex="0" role="img"></canvas>
      <div class="buttons">${buttons}</div>
      <div class="controls">${controls}</div>
      <canvas class="curve" data-kind="${kind}" width="360" height="110" role="img"></canvas>
    </section>`;
  const row = (name, label) =>
    `<tr><th scope="row">${label}</th><td data-value="${name} GAN">–</td><td data-value="${name} VAE">–</td></tr>`;
  root.innerHTML = `
    <div class="bar">
      <button type="button" name="play" class="play" aria-pressed="false">▶ Play</button>
      <button type="button" name="hundred">100 steps</button>
      <button type="button" name="reset">Start again</button>
      ${select("world", "World", [...Object.keys(hour.WORLDS), OWN], SETTINGS.world)}
      <label><span>Seed</span><input name="seed" type="number" min="0" max="999999" step="1" value="0" inputmode="numeric"></label>
      ${select("speed", "Speed", Object.keys(SPEEDS), "100 a second")}
    </div>
    <div class="drawing" hidden>
      <p id="hour-how">Press and drag in a picture to draw the data. With keys: go to a picture, move the cross by the arrows,
        set a point by the space bar, take the last one back by the backspace key.</p>
      <button type="button" name="undo">Take back</button> <button type="button" name="clear">Clear</button>
    </div>
    <div class="models">
      ${card("GAN", "The GAN",
        `<button type="button" name="phi" class="phi">Step <i>D</i></button>
         <button type="button" name="theta" class="theta">Step <i>G</i></button>
         <button type="button" name="both">Step both</button>`,
        select("link", "Link", Object.keys(hour.LINKS), SETTINGS.link) + select("rate GAN", "Learning rate", RATES, SETTINGS.rate))}
      ${card("VAE", "The VAE",
        `<button type="button" name="vae">Step</button>`,
        select("weight", "Weight of the KL", WEIGHTS, SETTINGS.weight) + select("rate VAE", "Learning rate", RATES, SETTINGS.rate))}
    </div>
    <table class="numbers">
      <thead><tr><th scope="col"><span class="hidden">Measure</span></th><th scope="col">GAN</th><th scope="col">VAE</th></tr></thead>
      <tbody>
        ${row("step", "steps")}
        ${row("forward", `<span class="solid"></span>KL(<b class="data">data</b> ‖ <b class="theta">model</b>)`)}
        ${row("reverse", `<span class="dashed"></span>KL(<b class="theta">model</b> ‖ <b class="data">data</b>)`)}
        ${row("covered", "clusters covered")}
        ${row("good", "points in a cluster")}
        ${row("losses", "losses")}
      </tbody>
    </table>
    <p class="key"><span class="dot data"></span>data <span class="dot theta"></span>made by the model
      <span class="patch phi"></span>what the discriminator takes for data <span class="patch theta"></span>the VAE's density</p>
    <p role="status" class="status"></p><p aria-live="polite" class="summary hidden"></p>`;

  const $ = selector => root.querySelector(selector), named = name => root.querySelector(`[name="${name}"]`);
  const pictures = [...root.querySelectorAll(".picture")], curves = [...root.querySelectorAll(".curve")];
  const settings = {GAN: {link: SETTINGS.link, rate: SETTINGS.rate}, VAE: {weight: SETTINGS.weight, rate: SETTINGS.rate}};
  const drawn = [], cross = {x: 0, y: 0, shown: false};
  let players, world, density, shownData, playing = false, visible = true, due = 0, before = null, looked = 0, last = null;
  let rested = false; // whether this run has stood still by itself, or was led past that place
  let cost = 0, dear = 0; // milliseconds of the last picture, and of the last with all numbers

  const seed = () => Math.max(0, Math.floor(Number(named("seed").value) || 0));
  const own = () => named("world").value === OWN;
  const say = text => { $(".status").textContent = text; };
  /* Shows everything as it is now, and says it to those who do not see it. */
  const report = () => {
    $(".summary").textContent = show(true);
    const broken = Object.values(players).find(player => player.broken);
    say(broken ? `The ${broken.kind}'s loss is no number any more: it stands still. Start again, with another link or a smaller learning rate.` : "");
  };

  /* The world as it is chosen or drawn, its density, and the points of it that are shown. */
  function readWorld() {
    world = own() ? hour.mixture(drawn.slice(), 0.1) : hour.WORLDS[named("world").value]();
    density = world.centres.length ? hour.worldOnGrid(world) : null;
    shownData = world.centres.length ? hour.draw(world, 400, new hour.Stream(seed(), "shown")) : new Float64Array(0);
    $(".drawing").hidden = !own();
    for (const picture of pictures) {
      picture.classList.toggle("own", own());
      picture.setAttribute("role", own() ? "application" : "img");
      if (own()) picture.setAttribute("aria-describedby", "hour-how");
      else picture.removeAttribute("aria-describedby");
    }
  }

  function reset() {
    readWorld();
    players = {GAN: new Player("GAN", seed(), settings.GAN), VAE: new Player("VAE", seed(), settings.VAE)};
    [due, rested] = [0, false];
    show(true);
  }

  // ------------------------------------------------------------------ what is shown

  const colours = {}; // of the page's theme, read when everything is shown
  const colour = name => colours[name] || (colours[name] = getComputedStyle(root).getPropertyValue(name).trim());
  const shape = picture => {
    const side = picture.width, scale = side / 6.4; // the square [-3.2, 3.2]²
    return {side, across: x => (x + 3.2) * scale, up: y => (3.2 - y) * scale};
  };

  /* A canvas of 40 x 40 places in a colour, each as strong as is given, 0 to 1. */
  function shaded(strengths, name) {
    const canvas = Object.assign(document.createElement("canvas"), {width: 40, height: 40}), image = new ImageData(40, 40);
    const brush = canvas.getContext("2d", {willReadFrequently: true});
    brush.fillStyle = colour(name);
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b] = brush.getImageData(0, 0, 1, 1).data;
    strengths.forEach((strength, i) => image.data.set([r, g, b, 255 * Math.max(0, Math.min(1, strength))], 4 * i));
    brush.putImageData(image, 0, 0);
    return canvas;
  }

  /* Where the discriminator says "data": D for a logistic link; for others t, from its least to its greatest value. */
  const places = Float64Array.from({length: 3200}, (_, i) => {
    const cell = i >> 1, at = k => (k + 0.5) * 6.4 / 40 - 3.2;
    return i % 2 ? -at(Math.floor(cell / 40)) : at(cell % 40);
  });
  function judged(model) {
    const t = model.discriminator.forward(places, 1600), low = Math.min(...t), high = Math.max(...t);
    const logistic = ["minimax", "non-saturating", "KL", "reverse KL", "f-JS"].includes(model.link);
    return Array.from(t, v => 0.45 * (logistic ? 1 / (1 + Math.exp(-v)) : (v - low) / (high - low || 1)));
  }

  /* The density that was last computed of the model's points, through noise. */
  function haze(made) {
    const {side: cells, reach} = hour.GRID, most = Math.max(...made);
    const cell = v => Math.floor((v + reach) / (2 * reach) * cells);
    return Array.from({length: 1600}, (_, i) => 0.4 * Math.sqrt(made[cell(places[2 * i + 1]) * cells + cell(places[2 * i])] / most));
  }

  function paint(player, picture) {
    const context = picture.getContext("2d"), {side, across, up} = shape(picture);
    context.clearRect(0, 0, side, side);
    if (player.shadow) context.drawImage(player.shadow, 0, 0, side, side);
    const dots = (points, name, radius, alpha) => {
      context.fillStyle = colour(name);
      context.globalAlpha = alpha;
      context.beginPath();
      for (let i = 0; i < points.length; i += 2) {
        const [x, y] = [across(points[i]), up(points[i + 1])];
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 7);
      }
      context.fill();
      context.globalAlpha = 1;
    };
    const unit = side / 360;
    dots(shownData, "--obj-data", 2.1 * unit, 0.75);
    if (!player.broken) dots(player.points(500), "--obj-theta", 1.7 * unit, 0.8);
    if (own() && !drawn.length) {
      context.fillStyle = colour("--obj-data");
      context.font = `${15 * unit}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.fillText("draw here", side / 2, side * 0.3);
    }
    if (own() && cross.shown && document.activeElement === picture) {
      context.strokeStyle = colour("--obj-data");
      context.lineWidth = 2 * unit;
      context.beginPath();
      const [x, y, arm] = [across(cross.x), up(cross.y), 9 * unit];
      context.moveTo(x - arm, y); context.lineTo(x + arm, y);
      context.moveTo(x, y - arm); context.lineTo(x, y + arm);
      context.stroke();
    }
  }

  /* Both directions against the steps, on a logarithmic axis from 0.03 to 60 nats. */
  function plot(player, curve) {
    const context = curve.getContext("2d"), {width, height} = curve, unit = width / (curve.clientWidth || 360);
    const left = 24 * unit, bottom = height - 16 * unit, top = 6 * unit;
    const most = Math.max(2000, players.GAN.steps, players.VAE.steps);
    const across = step => left + step / most * (width - left - 4 * unit);
    const up = v => bottom - (Math.log(Math.max(v, 0.03) / 0.03) / Math.log(60 / 0.03)) * (bottom - top);
    context.clearRect(0, 0, width, height);
    context.font = `${11 * unit}px system-ui, sans-serif`;
    context.fillStyle = colour("--hour-ink");
    context.strokeStyle = colour("--hour-line");
    context.lineWidth = unit;
    context.textAlign = "right";
    for (const v of [0.1, 1, 10]) {
      context.beginPath();
      context.moveTo(left, up(v));
      context.lineTo(width, up(v));
      context.stroke();
      context.fillText(String(v), left - 4 * unit, up(v) + 3.5 * unit);
    }
    context.fillText(`${most} steps`, width - 2 * unit, height - 3 * unit);
    context.textAlign = "left";
    context.fillText("nats", 0, height - 3 * unit);
    context.strokeStyle = colour("--hour-ink");
    for (const [name, dash] of [["forward", []], ["reverse", [5 * unit, 3 * unit]]]) {
      context.setLineDash(dash);
      context.lineWidth = 1.6 * unit;
      context.beginPath();
      for (const point of player.history) context.lineTo(across(point.step), up(point[name]));
      context.stroke();
    }
    context.setLineDash([]);
  }

  const number = v => (v === undefined ? "–" : Math.abs(v) < 10 ? v.toFixed(2) : v.toFixed(1)).replace("-", "−");

  function tell(player) {
    const cell = name => root.querySelector(`[data-value="${name} ${player.kind}"]`), {losses, steps, phiSteps} = player;
    const found = world.centres.length ? player.history[player.history.length - 1] : undefined;
    cell("step").textContent = phiSteps && phiSteps !== steps ? `D ${phiSteps}, G ${steps}` : String(steps);
    for (const name of ["forward", "reverse"]) cell(name).textContent = found ? number(found[name]) : "–";
    cell("covered").textContent = found ? `${found.covered} of ${world.centres.length}` : "–";
    cell("good").textContent = found ? `${Math.round(100 * found.good)} %` : "–";
    const words = player.kind === "GAN" ? {phi: "D", theta: "G"} : {reconstruction: "x", kl: "KL"};
    cell("losses").textContent = losses
      ? Object.entries(words).filter(([name]) => name in losses).map(([name, word]) => `${word}\u00a0${number(losses[name])}`).join(", ")
      : "–";
    return found;
  }

  const objective = () => {
    const weight = settings.VAE.weight, times = weight === 1 ? "" : `${weight} * `;
    return {
      GAN: `Match("x", Adversary("${settings.GAN.link}"${hour.LINKS[settings.GAN.link].penalty ? ", penalty=10.0" : ""}))`,
      VAE: weight ? `Reconstruct("x") + ${times}Match("z", KL())` : `Reconstruct("x")`,
    };
  };

  /* Everything as it is now; the dear numbers only where `whole` is set. */
  function show(whole) {
    const said = [], code = objective();
    if (whole) Object.keys(colours).forEach(name => delete colours[name]);
    for (const player of Object.values(players)) {
      const [picture, curve] = [pictures, curves].map(all => all.find(canvas => canvas.dataset.kind === player.kind));
      if (whole && density && !player.broken) player.look(world, density);
      if (whole && player.kind === "GAN") player.shadow = shaded(judged(player.model), "--obj-phi");
      else if (whole) player.shadow = density ? shaded(haze(player.made), "--obj-theta") : null;
      paint(player, picture);
      if (!whole) continue;
      plot(player, curve);
      const found = tell(player);
      $(`[aria-label="The ${player.kind}"] code`).textContent = code[player.kind];
      if (!found) continue;
      const words = `${player.kind} after ${found.step} steps: ${found.covered} of ${world.centres.length} clusters covered, ` +
        `${Math.round(100 * found.good)} % of its points in a cluster, KL(data‖model) ${number(found.forward)} nats, ` +
        `KL(model‖data) ${number(found.reverse)} nats`;
      picture.setAttribute("aria-label", `Data in blue and points of the model in orange. ${words}.`);
      curve.setAttribute("aria-label", `Both directions of KL by steps. ${words}.`);
      said.push(words);
    }
    root.dataset.steps = `${players.GAN.phiSteps},${players.GAN.steps},${players.VAE.steps}`;
    return `${said.join(". ")}.`;
  }

  // ------------------------------------------------------------------ time

  function frame(now) {
    last = null;
    if (!playing || !visible) return;
    due = Math.min(due + SPEEDS[named("speed").value] * Math.min(now - (before ?? now - 16), 100) / 1000, 1e6);
    before = now;
    // On a slow processor as much time goes into steps as into pictures.
    const begun = performance.now(), end = begun + Math.max(11, Math.min(cost, 60));
    for (; due >= 1 && performance.now() < end && !arrived(); due--) advance();
    if (arrived()) {
      rested = true;
      play(false);
      say("2,000 steps, as in the text below. Play goes on from here.");
      return;
    }
    due = Math.min(due, 10); // what the processor does not manage is not owed
    const whole = begun - looked > Math.max(160, 6 * dear), shown = performance.now();
    show(whole);
    const took = performance.now() - shown;
    if (whole) [looked, dear] = [performance.now(), took];
    else cost = took;
    last = requestAnimationFrame(frame);
  }

  const arrived = () => !rested && Object.values(players).every(player => player.steps >= PAUSE || player.broken);
  const advance = () => Object.values(players).forEach(player => player.step(world));
  const wake = () => {
    before = null;
    if (playing && visible && last === null) last = requestAnimationFrame(frame);
  };

  function play(on) {
    const empty = on && !world.centres.length;
    playing = on && !empty;
    if (playing) rested ||= arrived();
    report();
    if (empty) say("There are no data yet: draw some first.");
    on = playing;
    named("play").setAttribute("aria-pressed", String(on));
    named("play").textContent = on ? "❚❚ Pause" : "▶ Play";
    wake();
  }

  // ------------------------------------------------------------------ what a reader does

  const clicks = {
    play: () => play(!playing),
    hundred: () => { for (let k = 0; k < 100; k++) advance(); },
    reset: () => { play(false); reset(); },
    phi: () => players.GAN.step(world, "phi"),
    theta: () => players.GAN.step(world, "theta"),
    both: () => players.GAN.step(world),
    vae: () => players.VAE.step(world),
    undo: () => { drawn.pop(); readWorld(); },
    clear: () => { drawn.length = 0; play(false); readWorld(); },
  };
  root.addEventListener("click", event => {
    const name = event.target.closest("button")?.name;
    if (!(name in clicks)) return;
    clicks[name]();
    if (name !== "play") report();
  });
  root.addEventListener("change", event => {
    const {name, value} = event.target;
    if (name === "link") settings.GAN.link = value;
    if (name === "weight") settings.VAE.weight = Number(value);
    if (name.startsWith("rate ")) settings[name.slice(5)].rate = Number(value);
    if (name === "world" || name === "seed") {
      named("seed").value = String(seed());
      if (own()) play(false);
      reset();
    }
    report();
  });

  const point = (event, picture) => {
    const box = picture.getBoundingClientRect();
    return [6.4 * (event.clientX - box.left) / box.width - 3.2, 3.2 - 6.4 * (event.clientY - box.top) / box.height];
  };
  function add(x, y, least) {
    const before = drawn[drawn.length - 1];
    if (drawn.length >= 300 || (before && Math.hypot(before[0] - x, before[1] - y) < least)) return;
    drawn.push([Math.max(-3, Math.min(3, x)), Math.max(-3, Math.min(3, y))]);
    readWorld();
    show(!playing);
  }
  for (const picture of pictures) {
    picture.addEventListener("pointerdown", event => {
      if (!own() || event.button) return;
      event.preventDefault();
      picture.setPointerCapture(event.pointerId);
      picture.focus({preventScroll: true});
      cross.shown = false;
      add(...point(event, picture), 0);
    });
    picture.addEventListener("pointermove", event => {
      if (own() && picture.hasPointerCapture(event.pointerId)) add(...point(event, picture), 0.12);
    });
    picture.addEventListener("pointerup", () => { if (own()) say(`${drawn.length} places drawn.`); });
    picture.addEventListener("keydown", event => {
      if (!own()) return;
      const move = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
      if (move) {
        const far = event.shiftKey ? 0.05 : 0.2, kept = v => Math.max(-3, Math.min(3, Math.round(20 * v) / 20));
        [cross.x, cross.y] = [kept(cross.x + far * move[0]), kept(cross.y + far * move[1])];
      } else if (event.key === " " || event.key === "Enter") {
        add(cross.x, cross.y, 0);
      } else if (event.key === "Backspace") {
        drawn.pop();
        readWorld();
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      cross.shown = true;
      show(!playing);
      say(`Cross at ${number(cross.x)}, ${number(cross.y)}; ${drawn.length} places drawn.`);
    });
    picture.addEventListener("focus", () => { cross.shown = own(); show(false); });
    picture.addEventListener("blur", () => show(false));
  }

  /* As many pixels as the screen has. */
  function fit() {
    for (const canvas of [...pictures, ...curves]) {
      const box = canvas.getBoundingClientRect(), dense = Math.min(3, devicePixelRatio || 1);
      if (!box.width) continue;
      canvas.width = Math.round(box.width * dense);
      canvas.height = Math.round(box.height * dense);
    }
    show(true);
  }

  reset();
  new ResizeObserver(fit).observe(root);
  new IntersectionObserver(([entry]) => { visible = entry.isIntersecting; wake(); }).observe(root);
  document.addEventListener("visibilitychange", wake);
  new MutationObserver(() => show(true)).observe(document.documentElement, {attributeFilter: ["data-theme"]});
  say("Press Play, or take single steps.");
}

if (typeof document !== "undefined") {
  const begin = () => document.querySelectorAll(".first-hour").forEach(figure);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
}
if (typeof module !== "undefined") module.exports = {...hour, SETTINGS, Player};
