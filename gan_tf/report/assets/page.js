"use strict";

function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Samples over time: one picture at a time, chosen by a slider.
function film(list) {
  const items = [...list.children];
  if (items.length < 2) return;
  const slider = make("input", { type: "range", min: 0, max: items.length - 1, step: 1 });
  slider.setAttribute("aria-label", "Samples over time");
  const said = make("output");
  const play = make("button", { type: "button", textContent: "Play" });
  let timer = null;
  const show = (at) => {
    slider.value = at;
    items.forEach((item, place) => item.classList.toggle("now", place === Number(at)));
    said.textContent = items[at].dataset.label;
    slider.setAttribute("aria-valuetext", items[at].dataset.label);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  slider.addEventListener("input", () => { stop(); show(slider.value); });
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === items.length - 1) show(0);
    play.textContent = "Pause";
    timer = setInterval(() => {
      const next = Number(slider.value) + 1;
      show(next);
      if (next === items.length - 1) stop();
    }, Math.max(100, 6000 / items.length));
  });
  list.classList.add("one");
  list.removeAttribute("tabindex");
  items.forEach((item) => item.querySelector("p").remove());
  list.after(make("div", { className: "player" }, play, slider, said));
  show(items.length - 1);
}

const plots = [];
let across = "steps";

function number(value) {
  if (value == null) return "–";
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

// The points of all curves, in the order of what lies across.
function joined(chart) {
  const tables = chart.curves.map((curve) => {
    const places = curve.values.map((_, at) => at).filter((at) => curve[across][at] != null);
    places.sort((one, other) => curve[across][one] - curve[across][other]);
    const values = places.map((at) => curve.values[at]);
    return [places.map((at) => curve[across][at]), values.map((v) => (chart.log && v <= 0 ? null : v))];
  });
  return uPlot.join(tables);
}

// The dashed line of a level, and an upright one with its words for each mark.
function extras(plot, chart) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineWidth = ratio;
  if (chart.level != null) {
    const y = plot.valToPos(chart.level, "y", true);
    ctx.strokeStyle = colour("--quiet");
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.setLineDash([]);
  }
  ctx.strokeStyle = ctx.fillStyle = colour("--bad");
  ctx.font = `${12 * ratio}px system-ui, sans-serif`;
  chart.marks.forEach((mark, at) => {
    const x = plot.valToPos(across === "steps" ? mark.step : mark.seconds, "x", true);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const right = x > bbox.left + bbox.width / 2;
    ctx.textAlign = right ? "right" : "left";
    ctx.fillText(mark.text, x + (right ? -4 : 4) * ratio, bbox.top + (14 + 14 * (at % 4)) * ratio);
  });
  ctx.restore();
}

// uPlot's legend, for the keyboard and for screen readers.
function reachable(plot) {
  const table = plot.root.querySelector(".u-legend");
  if (!table) return;
  table.setAttribute("role", "presentation");
  [...table.querySelectorAll(".u-series")].slice(1).forEach((row, at) => {
    const name = row.querySelector("th");
    name.tabIndex = 0;
    name.setAttribute("role", "button");
    name.setAttribute("aria-pressed", String(plot.series[at + 1].show));
    name.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      name.click();
    };
  });
}

function draw(figure) {
  const chart = JSON.parse(document.getElementById(`${figure.id}-data`).textContent);
  const place = figure.querySelector(".plot");
  const words = place.firstElementChild.getAttribute("aria-label");
  const axis = (label) => ({
    label, labelSize: 22, stroke: () => colour("--quiet"), font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif", ticks: { stroke: () => colour("--line"), width: 1 },
    grid: { stroke: () => colour("--line"), width: 1 },
  });
  const values = (plot, splits) => splits.map((each) => (each == null ? "" : number(each)));
  const many = chart.curves.length > 20;
  const across_axis = { ...axis("step"), values };
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: 260,
      scales: { x: { time: false }, y: { distr: chart.log ? 3 : 1, range: chart.bounds ?? undefined } },
      axes: [across_axis, { ...axis(chart.unit), size: 56, values }],
      series: [
        { label: "step", value: (_, value) => number(value) },
        ...chart.curves.map((curve) => ({
          label: curve.label,
          stroke: () => colour(`--c${curve.colour % 8}`),
          width: many ? 1 : 2,
          dash: [undefined, [8, 4], [2, 3]][Math.floor(curve.colour / 8) % 3],
          spanGaps: true,
          points: { show: !many && curve.values.length < 20 },
          value: (_, value) => number(value),
        })),
      ],
      cursor: { sync: { key: "report", setSeries: false }, focus: { prox: 24 } },
      focus: { alpha: chart.curves.length > 8 ? 0.25 : 1 },
      hooks: { draw: [(each) => extras(each, chart)], setSeries: [reachable] },
    },
    joined(chart),
    place,
  );
  place.firstElementChild.remove(); // The SVG, now that this one is there.
  const canvas = plot.root.querySelector("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", words);
  reachable(plot);
  new ResizeObserver(() => {
    if (place.clientWidth && place.clientWidth !== plot.width) plot.setSize({ width: place.clientWidth, height: 260 });
  }).observe(place);
  plots.push({ plot, chart, axis: across_axis });
}

// A chart in a closed part of the page has no width: it is drawn when that is opened.
function drawWhenSeen(figure) {
  const part = figure.closest("details:not([open])");
  if (!part) return draw(figure);
  part.addEventListener("toggle", () => draw(figure), { once: true });
}

function setAcross(name) {
  across = name;
  for (const { plot, chart } of plots) {
    plot.axes[0].label = plot.series[0].label = name === "steps" ? "step" : "seconds";
    const first = plot.root.querySelector(".u-legend .u-label");
    if (first) first.textContent = plot.axes[0].label;
    plot.setData(joined(chart));
  }
}

function controls(first) {
  const choice = (name) => make("label", {},
    make("input", { type: "radio", name: "across", value: name, checked: name === across, onchange: () => setAcross(name) }),
    ` ${name}`);
  const whole = make("button", { type: "button", textContent: "Zoom out", onclick: () => setAcross(across) });
  const fields = make("fieldset", { className: "toggle" }, make("legend", { textContent: "Over" }), choice("steps"), choice("seconds"), whole);
  const hint = make("p", { textContent: "Drag across a chart to zoom in. Choose a name below it to hide or show its curve." });
  first.before(hint, fields);
}

// A page that is written anew while its run goes on is read anew, unless its reader says no.
function follow(place) {
  const box = make("input", { type: "checkbox", checked: sessionStorage.getItem("follow") !== "no" });
  box.onchange = () => sessionStorage.setItem("follow", box.checked ? "yes" : "no");
  place.append(make("label", {}, box, " read this page again every 15 seconds"));
  setInterval(() => { if (box.checked) location.reload(); }, 15000);
}

document.querySelectorAll(".film").forEach(film);
const figures = [...document.querySelectorAll(".chart")];
if (figures.length) {
  controls(document.querySelector(".charts"));
  figures.forEach(drawWhenSeen);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach(({ plot }) => plot.redraw(false)));
const followed = document.getElementById("follow");
if (followed) follow(followed);
