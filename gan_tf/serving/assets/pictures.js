// The grid, and the images between two.

function toPicture(image) {
  const picture = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const from = image.subarray(pixel * channels, (pixel + 1) * channels);
    const colours = channels === 1 ? [from[0], from[0], from[0]] : from.subarray(0, 3);
    picture.data.set([...colours, channels === 4 ? from[3] : 255], pixel * 4);
  }
  return picture;
}

// Draws rows { latents, label } into a canvas, so many a line, a few at a time. What is there stays
// until it is drawn over, so nothing flickers.
async function paint(canvas, rows, columns) {
  const lines = Math.ceil(rows.length / columns);
  const [wide, high] = [columns * (width + GAP) - GAP, lines * (height + GAP) - GAP];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  for (let start = 0; start < rows.length; start += ROWS) {
    const images = await generate(rows.slice(start, start + ROWS));
    images.forEach((image, place) => {
      const [line, column] = [Math.floor((start + place) / columns), (start + place) % columns];
      context.putImageData(toPicture(image), column * (width + GAP), line * (height + GAP));
    });
    await pause();
  }
}

// One thing is drawn at a time. What is asked for again meanwhile is drawn once more, as it is then.
const waiting = new Set();
let busy = false;

async function redraw(...views) {
  views.forEach((view) => waiting.add(view));
  if (busy) return;
  busy = true;
  try {
    for (const view of waiting) {
      waiting.delete(view);
      await view();
    }
  } catch (error) {
    say(`The networks could not run: ${error.message}`);
    throw error;
  } finally {
    busy = false;
  }
}

// The seed in a field, or null and the reason beside it.
function seedIn(field) {
  const typed = field.value.trim();
  const whole = /^-?\d{1,19}$/.test(typed) ? BigInt(typed) : null;
  const fits = whole !== null && whole === BigInt.asIntN(64, whole);
  field.setCustomValidity(fits ? "" : "a seed is a whole number of 64 bits");
  return fits ? whole : null;
}

// A seed after so many; after the last comes the first.
const after = (seed, number) => BigInt.asIntN(64, seed + BigInt(number));

// What the controls ask for: the seed and the label of each image, and how many a line.
function asked(seed) {
  const typed = [...at("text").value];
  if (typed.length) {
    const labels = typed.map((each) => names.indexOf(each));
    const missing = typed.find((each, place) => labels[place] < 0);
    if (missing !== undefined) return { wrong: `No class is called “${missing}”.` };
    return { images: labels.map((label, place) => [after(seed, place), label]), columns: typed.length };
  }
  const chosen = document.querySelector("#classes input:checked")?.value ?? "";
  if (names.length && chosen === "") {
    const columns = Math.min(names.length, 10);
    const seeds = names.length > columns ? 1 : 6;
    const all = Array.from({ length: seeds * names.length }, (_, place) =>
      [after(seed, Math.floor(place / names.length)), place % names.length]);
    return { images: all.slice(0, 100), columns };
  }
  const images = Array.from({ length: BATCH }, (_, place) => [after(seed, place), Number(chosen)]);
  return { images, columns: Math.sqrt(BATCH) };
}

let first = null; // The first row of the grid.

async function drawGrid() {
  const seed = seedIn(at("seed"));
  const { images, columns, wrong } = asked(seed ?? 0n);
  const problem = seed === null ? "A seed is a whole number of 64 bits, such as 7." : wrong ?? "";
  at("error").textContent = problem;
  at("text").setAttribute("aria-invalid", String(Boolean(wrong)));
  if (problem) return;
  const truncation = Number(at("truncation").value);
  const rows = images.map(([each, label]) => ({
    latents: truncated(latentsOf(each, model), truncation, model),
    label,
  }));
  first = rows[0];
  await paint(at("grid"), rows, columns);
  const classes = [...new Set(images.map(([, label]) => names[label]))];
  const which = names.length ? `, class ${classes.slice(0, MANY).join(", ")}` : "";
  at("grid").setAttribute("aria-label", `${rows.length} images from seed ${seed} on${which}, truncation ${truncation}`);
  at("grid").dataset.drawn = Number(at("grid").dataset.drawn ?? 0) + 1;
}

function ends() {
  return ["from", "to"].map((end) => {
    const seed = seedIn(at(end));
    return seed === null ? null : {
      latents: latentsOf(seed, model),
      label: Number(at(`class-${end}`).value),
      seed,
    };
  });
}

// The image so far on the way; its class changes half-way.
function along([from, to], fraction) {
  const latents = between(from.latents, to.latents, fraction, model);
  return { latents, label: fraction < 0.5 ? from.label : to.label };
}

async function drawBetween() {
  const both = ends();
  if (both.includes(null)) return;
  const fraction = Number(at("fraction").value);
  await paint(at("between"), [along(both, fraction)], 1);
  const label = `${Math.round(fraction * 100)} % of the way from seed ${both[0].seed} to seed ${both[1].seed}`;
  at("between").setAttribute("aria-label", label);
}

async function drawStrip() {
  const both = ends();
  if (both.includes(null)) return;
  const rows = Array.from({ length: STEPS }, (_, place) => along(both, place / (STEPS - 1)));
  await paint(at("strip"), rows, STEPS);
  at("strip").setAttribute("aria-label", `${STEPS} images on the way from seed ${both[0].seed} to seed ${both[1].seed}`);
}
