// What a person can change, and the start of the page.

function random() {
  return String(crypto.getRandomValues(new Uint32Array(1))[0] % 1000000);
}

function choice(value, name) {
  const radio = make("input", { type: "radio", name: "class", value, checked: value === "" });
  radio.addEventListener("change", () => {
    at("text").value = "";
    redraw(drawGrid);
  });
  return make("label", { className: "choice" }, radio, make("span", { textContent: name }));
}

function offerClasses() {
  if (!names.length) return;
  at("classes").hidden = false;
  at("classes").append(choice("", "All"), ...names.map((name, label) => choice(String(label), name)));
  at("text-field").hidden = !names.some((name) => [...name].length === 1);
  document.querySelectorAll(".labelled").forEach((each) => { each.hidden = false; });
  for (const id of ["class-from", "class-to", "asked"]) {
    at(id).append(...names.map((textContent, value) => make("option", { value, textContent })));
  }
  for (const id of ["class-from", "class-to"]) at(id).selectedIndex = Math.min(2, names.length - 1);
  at("asked-field").hidden = names.length <= MANY;
}

function listen() {
  const on = (id, event, does) => at(id).addEventListener(event, does);
  on("seed", "input", () => redraw(drawGrid));
  on("text", "input", () => redraw(drawGrid));
  on("other", "click", () => {
    at("seed").value = random();
    redraw(drawGrid);
  });
  on("truncation", "input", () => {
    at("truncation-is").textContent = Number(at("truncation").value).toFixed(2);
    redraw(drawGrid);
  });
  on("fraction", "input", () => {
    at("fraction-is").textContent = `${Math.round(at("fraction").value * 100)} %`;
    redraw(drawBetween);
  });
  for (const id of ["from", "to", "class-from", "class-to"]) on(id, "input", () => redraw(drawBetween, drawStrip));
  on("download", "click", download);
  on("licence", "toggle", async () => {
    if (!at("notices").textContent) at("notices").textContent = await text("notices.txt");
  });
  on("asked", "input", () => redraw(judge));
  on("clear", "click", () => {
    blank();
    redraw(judge);
  });
  on("take", "click", () => redraw(take));
  paper.addEventListener("pointerdown", (event) => {
    paper.setPointerCapture(event.pointerId);
    [pen.x, pen.y] = onPaper(event);
    stroke(pen.x, pen.y);
  });
  paper.addEventListener("pointermove", (event) => {
    if (event.buttons) stroke(...onPaper(event));
  });
  paper.addEventListener("keydown", byKey);
}

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function byKey(event) {
  const move = MOVES[event.key];
  if (!move && event.key !== " ") return;
  event.preventDefault();
  if (!move) pen.down = !pen.down;
  const [x, y] = (move ?? [0, 0]).map((each) => each * Math.max(1, width / 28));
  const inside = (value, most) => Math.min(most, Math.max(0, value));
  const [next, below] = [inside(pen.x + x, width), inside(pen.y + y, height)];
  if (pen.down) stroke(next, below);
  else Object.assign(pen, { x: next, y: below });
}

async function download() {
  const blob = await new Promise((done) => at("grid").toBlob(done, "image/png"));
  const link = make("a", { href: URL.createObjectURL(blob), download: `images-${at("seed").value.trim()}.png` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function start() {
  at("about").append(...model.about.map(([name, value]) =>
    make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value }))));
  Object.assign(paper, { width, height });
  at("colour-field").hidden = channels === 1;
  at("colour").value = model.pen;
  blank();
  offerClasses();
  listen();
  try {
    await load();
  } catch (error) {
    const alone = location.protocol === "file:" && !at("runtime.mjs");
    say(alone
      ? "This folder needs a web server. The single file beside it opens from disk."
      : `The networks could not be loaded: ${error.message}`);
    return;
  }
  at("content").inert = false;
  await redraw(drawGrid, drawStrip, drawBetween, judge);
  say("Ready.");
}

start();
