"use strict";

// The latents of a seed, as gan_tf/game/latents.py draws them with TensorFlow: the generator Philox
// 4x32-10 (Salmon et al., 2011), then Box and Muller's transform for normal numbers. The integers are
// exact. Sine and logarithm are rounded from float64 here, so a latent may differ in its last bits.

const STREAMS = 16n;
const SAMPLING_STREAM = 2n;

// The two halves of a product of 32-bit numbers, in numbers that float64 holds exactly.
function product(a, b) {
  const low = a * (b & 0xffff);
  const sum = a * (b >>> 16) + Math.floor(low / 65536);
  return [Math.floor(sum / 65536), ((sum % 65536) * 65536 + (low % 65536)) >>> 0];
}

// Four random 32-bit numbers of a counter (four words, the lowest first) and a key (two words).
function philox(counter, key) {
  let [a, b, c, d] = counter;
  let [k, l] = key;
  for (let round = 0; round < 10; round++) {
    const [high, low] = product(0xd2511f53, a);
    const [higher, lower] = product(0xcd9e8d57, c);
    [a, b, c, d] = [(higher ^ b ^ k) >>> 0, lower, (high ^ d ^ l) >>> 0, low];
    k = (k + 0x9e3779b9) >>> 0;
    l = (l + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

function words(number) {
  const bits = BigInt.asUintN(64, number);
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)];
}

// The two int64 numbers that TensorFlow is given for a seed of ours.
function streamSeed(seed) {
  const times = BigInt.asIntN(64, seed * STREAMS);
  const lost = BigInt.asIntN(64, seed - (times >> 4n));
  return [times + SAMPLING_STREAM, lost >> 20n];
}

// The first random 32-bit numbers of TensorFlow's two, in fours.
function* randomWords([first, second], number) {
  const mixed = philox([...words(first), ...words(second)], words(0x02461e293ec8f720n));
  for (let block = 0; block < number; block += 4) {
    yield philox([block / 4, 0, mixed[2], mixed[3]], mixed.slice(0, 2));
  }
}

// A number in [0, 1) of 23 random bits.
function unit(word) {
  return (word & 0x7fffff) / 0x800000;
}

function normalPair(one, other) {
  const logarithm = Math.fround(Math.log(Math.max(unit(one), Math.fround(1e-7))));
  const radius = Math.fround(Math.sqrt(-2 * logarithm));
  const angle = Math.fround(2 * Math.PI * unit(other));
  return [Math.sin(angle), Math.cos(angle)].map((each) => Math.fround(each) * radius);
}

const ROOT = Math.fround(Math.sqrt(3));
const normal = ([a, b, c, d]) => [...normalPair(a, b), ...normalPair(c, d)];
const DRAWN = {
  normal,
  uniform: (four) => four.map((word) => 2 * unit(word) - 1),
  unit_uniform: (four) => four.map((word) => ROOT * (2 * unit(word) - 1)),
  unit_cube: (four) => four.map(unit),
  shifted_normal: (four) => normal(four).map((each) => Math.fround(each) - 1),
};

function drawn(pair, each, size) {
  const found = [];
  for (const four of randomWords(pair, size)) found.push(...each(four));
  return found.slice(0, size);
}

// The first random 64-bit numbers of TensorFlow's two.
function long(pair, number) {
  const found = [...randomWords(pair, 2 * number)].flat();
  return Array.from({ length: number }, (_, at) => BigInt(found[2 * at]) | (BigInt(found[2 * at + 1]) << 32n));
}

const CODE_SIZE = 3;

function mixture(pair, size, codes) {
  const [a, b, c, d] = long(pair, 4); // stateless_split
  const place = Number(long([a, b], 1)[0] % BigInt(codes));
  const code = Array.from({ length: codes }, (_, at) => (at === place ? CODE_SIZE : 0));
  return [...code, ...drawn([c, d], normal, size - codes)];
}

// The latents of a seed (a BigInt), Float32Array. The model says what they are: the distribution's
// name, `latents`, its `mean`, how many latents are a code, `codes`, and how many all are,
// `latent_dim`.
function latentsOf(seed, { latents, latent_dim, codes }) {
  const pair = streamSeed(seed);
  return Float32Array.from(codes ? mixture(pair, latent_dim, codes) : drawn(pair, DRAWN[latents], latent_dim));
}

// Latents nearer to their mean, or farther from it. A code stays.
function truncated(latents, truncation, { mean, codes }) {
  const less = Math.fround(truncation) - 1;
  return latents.map((each, at) => (at < codes ? each : each + Math.fround(less * Math.fround(each - mean))));
}

// Latents between others: on the great circle round their mean, and in a straight line between two
// codes.
function between(from, to, fraction, { mean, codes }) {
  const dot = (a, b) => a.slice(codes).reduce((sum, each, at) => sum + (each - mean) * (b[at + codes] - mean), 0);
  const cosine = dot(from, to) / Math.sqrt(dot(from, from) * dot(to, to));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  const straight = [1 - fraction, fraction];
  const curved = sine < 1e-4 ? straight : straight.map((each) => Math.sin(each * angle) / sine);
  return from.map((each, at) => {
    if (at < codes) return straight[0] * each + straight[1] * to[at];
    return mean + curved[0] * (each - mean) + curved[1] * (to[at] - mean);
  });
}
