// The page's values and its networks. These scripts become one, in the order that web.py says.

const ROWS = 4; // Images that G draws at a time, as in the SavedModel; the page answers in between.
const BATCH = 16; // Images of the grid, where one class is drawn.
const STEPS = 9; // Images of the strip.
const MANY = 20; // Classes from which on D is asked about one of them only.
const GAP = 1; // Pixels between the images of a grid.

const model = JSON.parse(document.getElementById("data").textContent);
const [height, width, channels] = model.image_shape;
const names = model.classes;
const at = (id) => document.getElementById(id);
const pause = () => new Promise((done) => setTimeout(done));

function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function say(text) {
  at("state").textContent = text;
}

// What lies in the page or, in the folder, beside it.
async function resource(name) {
  const inside = at(name);
  const packed = inside
    ? Uint8Array.from(atob(inside.textContent), (each) => each.charCodeAt(0))
    : await fetch(name + ".gz").then((answer) => {
      if (!answer.ok) throw new Error(`${name}.gz: ${answer.status}`);
      return answer.arrayBuffer();
    });
  if (inside) inside.remove(); // Its text is held no longer than needed.
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

const text = async (name) => new TextDecoder().decode(await resource(name));

let runtime, generator, discriminator;

async function load() {
  say("Unpacking the runtime …");
  await pause();
  const source = new Blob([await text("runtime.mjs")], { type: "text/javascript" });
  const address = URL.createObjectURL(source);
  runtime = await import(address);
  URL.revokeObjectURL(address);
  runtime.env.wasm.numThreads = 1; // More need a server that sends headers for them.
  runtime.env.wasm.wasmBinary = await resource("runtime.wasm");
  say("Unpacking the networks …");
  await pause();
  const session = async (name) => runtime.InferenceSession.create(await resource(name));
  generator = await session("generator.onnx");
  discriminator = await session("discriminator.onnx");
}

const labelled = (labels) => ({
  labels: new runtime.Tensor("int64", BigInt64Array.from(labels, BigInt), [labels.length]),
});

// Half-way cases go to the even number, as in TensorFlow.
function rounded(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return below + (rest > 0.5 || (rest === 0.5 && below % 2) ? 1 : 0);
}

// Images of at most ROWS latents, each as uint8 [H, W, C]. G is always given ROWS, since a batch of
// another size may be rounded otherwise.
async function generate(rows) {
  const latents = new Float32Array(ROWS * model.latent_dim);
  rows.forEach((row, place) => latents.set(row.latents, place * model.latent_dim));
  const inputs = { latents: new runtime.Tensor("float32", latents, [ROWS, model.latent_dim]) };
  const labels = Array.from({ length: ROWS }, (_, place) => rows[place]?.label ?? 0);
  const { images } = await generator.run(names.length ? { ...inputs, ...labelled(labels) } : inputs);
  const size = height * width * channels;
  return rows.map((_, place) => Uint8Array.from(
    images.data.subarray(place * size, (place + 1) * size),
    (each) => rounded(Math.fround(Math.fround(each + 1) * 127.5)),
  ));
}

// What D says of an image, uint8 [H, W, C], as one of each of the classes given: logits, and
// probabilities where its loss has them.
async function discriminate(image, labels) {
  const data = new Uint8Array(image.length * labels.length);
  labels.forEach((_, place) => data.set(image, place * image.length));
  const images = new runtime.Tensor("uint8", data, [labels.length, height, width, channels]);
  const found = await discriminator.run(names.length ? { images, ...labelled(labels) } : { images });
  const numbers = (tensor) => tensor && Array.from(tensor.data);
  return { logits: numbers(found.logits), probabilities: numbers(found.probabilities) };
}
