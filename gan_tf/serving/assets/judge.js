// What D thinks of what a person draws.

const paper = at("paper");
const pen = { x: width / 2, y: height / 2, down: false };

function blank() {
  const context = paper.getContext("2d", { willReadFrequently: true });
  context.clearRect(0, 0, width, height);
  if (model.paper) {
    context.fillStyle = model.paper;
    context.fillRect(0, 0, width, height);
  }
  Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: Math.max(1.5, width / 13) });
}

function stroke(x, y) {
  const context = paper.getContext("2d");
  context.strokeStyle = at("colour").value;
  context.beginPath();
  context.moveTo(pen.x, pen.y);
  context.lineTo(x, y);
  context.stroke();
  Object.assign(pen, { x, y });
  redraw(judge);
}

function onPaper(event) {
  const box = paper.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
}

function onPaperNow() {
  const { data } = paper.getContext("2d").getImageData(0, 0, width, height);
  const image = new Uint8Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    image.set(data.subarray(pixel * 4, pixel * 4 + channels), pixel * channels);
  }
  return image;
}

async function judge() {
  const one = names.length > MANY;
  const labels = names.length && !one ? names.map((_, label) => label) : [Number(at("asked").value)];
  const { logits, probabilities } = await discriminate(onPaperNow(), labels);
  const said = (place) => probabilities ? `${(100 * probabilities[place]).toFixed(0)} %` : logits[place].toFixed(2);
  const best = logits.indexOf(Math.max(...logits));
  const name = names.length ? ` of ${names[labels[best]]}` : "";
  const most = labels.length > 1 ? "The best guess: " : "";
  at("verdict").textContent = probabilities
    ? `${most}D takes it for a real image${name} with ${said(best)}.`
    : `${most}As an image${name} D gives it ${said(best)}; more is more real.`;
  const [low, high] = [Math.min(...logits), Math.max(...logits)];
  const share = (place) => probabilities ? probabilities[place] : (logits[place] - low) / (high - low || 1);
  at("verdicts").replaceChildren(...(labels.length > 1 ? labels : []).map((label, place) => {
    const bar = make("div");
    bar.style.width = `${100 * share(place)}%`;
    return make("li", {},
      make("span", { className: "name", textContent: names[label] }),
      make("div", { className: "track", ariaHidden: "true" }, bar),
      make("span", { className: "value", textContent: said(place) }));
  }));
}

async function take() {
  if (!first) return;
  const [image] = await generate([first]);
  paper.getContext("2d").putImageData(toPicture(image), 0, 0);
  await judge();
}
