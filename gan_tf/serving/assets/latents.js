"use strict";

// The latents of a seed, as gan_tf/game/latents.py draws them with TensorFlow: the generator Philox
// 4x32-10 (Salmon et al., 2011), then Box and Muller's transform for normal numbers. The integers are
// exact. TensorFlow takes sine and logarithm in float32, this page in float64, so a latent may differ
// in its last bit.

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

// The first random 32-bit numbers of a seed, in fours.
function* randomWords(seed, number) {
  const [first, second] = streamSeed(seed);
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
  const radius = Math.sqrt(-2 * Math.log(Math.max(unit(one), Math.fround(1e-7))));
  const angle = Math.fround(2 * Math.PI) * unit(other);
  return [Math.sin(angle) * radius, Math.cos(angle) * radius];
}

const ROOT = Math.fround(Math.sqrt(3));
const DRAWN = {
  normal: ([a, b, c, d]) => [...normalPair(a, b), ...normalPair(c, d)],
  uniform: (four) => four.map((word) => 2 * unit(word) - 1),
  unit_uniform: (four) => four.map((word) => ROOT * (2 * unit(word) - 1)),
  shifted_normal: (four) => DRAWN.normal(four).map((each) => Math.fround(each) - 1),
};

// The latents of a seed (a BigInt), as many as `size`, of a distribution that LATENTS has.
function latentsOf(seed, distribution, size) {
  const drawn = [];
  for (const four of randomWords(seed, size)) drawn.push(...DRAWN[distribution](four));
  return Float32Array.from(drawn.slice(0, size));
}

// Latents nearer to their mean, or farther from it.
function truncated(latents, truncation, mean) {
  const less = Math.fround(truncation) - 1;
  return latents.map((each) => each + Math.fround(less * Math.fround(each - mean)));
}

// Latents on the great circle from one to another; see `slerp` in gan_tf/serving/signatures.py.
function between(from, to, fraction) {
  const dot = (a, b) => a.reduce((sum, each, at) => sum + each * b[at], 0);
  const cosine = dot(from, to) / Math.sqrt(dot(from, from) * dot(to, to));
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const sine = Math.sin(angle);
  const [a, b] = sine < 1e-4
    ? [1 - fraction, fraction]
    : [Math.sin((1 - fraction) * angle) / sine, Math.sin(fraction * angle) / sine];
  return from.map((each, at) => a * each + b * to[at]);
}
