// One front end for two hosts. In JupyterLab, anywidget calls render with the kernel's model; on a static page,
// mountAll calls it with a stand-in that looks the results up. The model holds
//   face   { name, caption, tones: {tone: shape}, controls: [{name, labels, start}], roles: {role: {dash, marker}} }
//   index  one position per control: what the reader asks for
//   shown  { index, words, tone, panels }: what is drawn; its index lags behind while the kernel computes
//   longest  the longest text that will be shown, where it is known

const SVG_TAGS = ["svg", "g", "path", "line", "rect", "text"];
const SHAPES = {
  o: "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z", s: "M-3.5,-3.5h7v7h-7z", D: "M0,-5L5,0L0,5L-5,0z",
  "^": "M0,-5L4.5,3.5h-9z", v: "M0,5L4.5,-3.5h-9z", ">": "M5,0L-3.5,4.5v-9z", "<": "M-5,0L3.5,4.5v-9z",
  x: "M-4,-4L4,4M-4,4L4,-4", "+": "M-5,0H5M0,-5V5",
};

function node(tag, attributes = {}, ...children) {
  const e = SVG_TAGS.includes(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children);
  return e;
}

// ---- axes

function scale([lo, hi], kind, from, to) {
  const f = kind === "log" ? Math.log10 : (v) => v;
  const slope = (to - from) / (f(hi) - f(lo));
  return (v) => Math.max(-9999, Math.min(9999, from + slope * (f(v) - f(lo)))); // browsers draw huge coordinates wrongly
}

const minus = (text) => text.replace("-", "−");
const power = (n) => "10" + [...String(n)].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("");

function plain(v) {
  if (v === 0 || (Math.abs(v) >= 1e-3 && Math.abs(v) < 1e5)) return minus(String(+v.toPrecision(6)));
  const [digits, exponent] = v.toExponential(3).split("e");
  return minus(`${+digits}×`).replace(/^(−?)1×/, "$1") + power(+exponent);
}

function linearTicks(lo, hi, most) {
  const raw = (hi - lo) / most, unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * [1, 2, 5, 10].find((m) => m * unit >= raw * (1 - 1e-9));
  const first = Math.ceil(lo / step - 1e-9), last = Math.floor(hi / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) => (first + k) * step).map((v) => [v, plain(v)]);
}

function logTicks(lo, hi, most) {
  const first = Math.ceil(Math.log10(lo) - 1e-9), last = Math.floor(Math.log10(hi) + 1e-9);
  if (last - first >= 2) {
    const every = Math.ceil((last - first + 1) / most), ticks = [];
    for (let n = Math.ceil(first / every) * every; n <= last; n += every) ticks.push([10 ** n, power(n)]);
    return ticks;
  }
  const ticks = [];
  for (let n = first - 1; n <= last; n++) for (const m of [1, 2, 5]) ticks.push(m * 10 ** n);
  const inside = ticks.filter((v) => v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9));
  return inside.length > 1 ? inside.map((v) => [v, plain(v)]) : linearTicks(lo, hi, most);
}

const ticksOf = ([lo, hi], kind, most) => (kind === "log" ? logTicks : linearTicks)(lo, hi, Math.max(2, most));

// ---- marks: each kind gives its SVG nodes; box is { X, Y, width, height, base }

const near = (v, end) => v >= -1 && v <= end + 1;
const within = (v, end) => Math.max(0, Math.min(end, v));
const heads = (xs, ys, { width, height }, look) => xs.map((x, k) => [x, ys[k]])
  .filter(([x, y]) => near(x, width) && near(y, height))
  .map(([x, y]) => node("path", { d: SHAPES[look.marker], transform: `translate(${x.toFixed(1)},${y.toFixed(1)})`,
    fill: "currentColor", stroke: "currentColor", "stroke-width": "x+".includes(look.marker) ? 2 : 0.5 }));
const stroke = (d, look) => node("path", { d, fill: "none", stroke: "currentColor", "stroke-width": 2,
  "stroke-linejoin": "round", "stroke-dasharray": look.dash.map((v) => 1.3 * v).join(" ") });

const KINDS = {
  line: (xs, ys, box, look) => [stroke("M" + xs.map((x, k) => `${x.toFixed(1)},${ys[k].toFixed(1)}`).join("L"), look)],
  level: (xs, ys, box, look) => (near(ys[0], box.height) ? [stroke(`M0,${ys[0].toFixed(1)}H${box.width}`, look)] : []),
  points: heads,
  stems: (xs, ys, box, look) => [
    ...xs.map((x, k) => [x, within(ys[k], box.height)]).filter(([x]) => near(x, box.width))
      .map(([x, y]) => node("path", { d: `M${x.toFixed(1)},${box.base.toFixed(1)}V${y.toFixed(1)}`, stroke: "currentColor", "stroke-width": 1.5 })),
    ...heads(xs, ys, box, look)],
  bars: (xs, ys, box) => {
    const sorted = [...xs].sort((a, b) => a - b), gaps = sorted.slice(1).map((x, k) => x - sorted[k]).filter((g) => g > 0);
    const half = 0.4 * Math.min(box.width / 10, ...gaps);
    return xs.map((x, k) => [within(x - half, box.width), within(x + half, box.width), within(ys[k], box.height)])
      .map(([a, b, y]) => node("rect", { x: a.toFixed(1), y: Math.min(y, box.base).toFixed(1), width: (b - a).toFixed(1),
        height: Math.abs(y - box.base).toFixed(1), fill: "currentColor", "fill-opacity": 0.75 }));
  },
};

// ---- panels

function plot(panel, roles, label, outer) {
  const tall = Math.round(Math.max(210, Math.min(300, 0.72 * outer)));
  const top = 26, bottom = 44, right = 14, height = tall - top - bottom;
  const yTicks = ticksOf(panel.ylim, panel.yscale, Math.floor(height / 34));
  const left = 14 + 7.5 * Math.max(...yTicks.map(([, text]) => text.length));
  const width = Math.max(40, outer - left - right);
  const xTicks = ticksOf(panel.xlim, panel.xscale, Math.floor(width / 46));
  const X = scale(panel.xlim, panel.xscale, 0, width), Y = scale(panel.ylim, panel.yscale, height, 0);
  const base = panel.yscale === "log" ? height : within(Y(0), height);
  const area = node("g", { transform: `translate(${left},${top})` });
  for (const [v, text] of yTicks) {
    area.append(node("line", { class: "sm-grid", x2: width, y1: Y(v), y2: Y(v) }),
      node("text", { x: -8, y: Y(v) + 4, "text-anchor": "end" }, text));
  }
  for (const [v, text] of xTicks) {
    area.append(node("line", { class: "sm-axis", x1: X(v), x2: X(v), y1: height, y2: height + 5 }),
      node("text", { x: X(v), y: height + 19, "text-anchor": "middle" }, text));
  }
  area.append(node("line", { class: "sm-axis", x2: width, y1: height, y2: height }));
  for (const m of panel.marks) {
    if (!m.y.length) continue;
    const clip = m.kind === "line" ? "hidden" : "visible"; // an inner svg clips without an id; a marker may stand on an axis
    area.append(node("svg", { class: `role-${m.role}`, width, height, style: `overflow:${clip};background:none` },
      ...KINDS[m.kind](m.x.map(X), m.y.map(Y), { width, height, base }, roles[m.role])));
  }
  return node("svg", { role: "img", "aria-label": label, width: outer, height: tall, viewBox: `0 0 ${outer} ${tall}` },
    area, node("text", { x: 0, y: 13 }, panel.ylabel),
    node("text", { x: left + width / 2, y: tall - 6, "text-anchor": "middle" }, panel.xlabel));
}

const SAMPLES = { line: [[0, 34], [8, 8]], level: [[], [8]], points: [[17], [8]], stems: [[17], [5]], bars: [[7, 17, 27], [8, 3, 6]] };

function legend(panel, roles) {
  const items = panel.marks.filter((m) => m.label).map((m) => {
    const [xs, ys] = SAMPLES[m.kind];
    return node("li", {}, node("svg", { class: `role-${m.role}`, width: 34, height: 16, "aria-hidden": "true" },
      ...KINDS[m.kind](xs, ys, { width: 34, height: 16, base: 16 }, roles[m.role])), m.label);
  });
  return items.length ? node("ul", { class: "sm-legend" }, ...items) : "";
}

// ---- the face

function render({ model, el }) {
  const face = model.get("face"), uid = "sm-" + Math.random().toString(36).slice(2);
  const setting = (index) => face.controls.map((c, k) => `${c.name} = ${c.labels[index[k]]}`).join(", ");
  const ask = (index) => { model.set("index", index); model.save_changes(); };

  // else JupyterLab takes arrows and Enter for its own shortcuts; it looks for this on the focused element only
  const keys = { "data-lm-suppress-shortcuts": "true" };
  const controls = face.controls.map((c, k) => {
    const input = node("input", { ...keys, type: "range", id: uid + k, min: 0, max: c.labels.length - 1, autocomplete: "off" });
    const output = node("output", { for: uid + k, "aria-live": "off" }); // the slider tells its value itself
    input.addEventListener("input", () => ask(model.get("index").map((i, j) => (j === k ? +input.value : i))));
    return { input, output, row: node("div", { class: "sm-control" }, node("label", { for: uid + k }, c.name), output, input) };
  });
  const reset = node("button", { ...keys, type: "button", "aria-label": `Reset ${face.name}` }, "Reset");
  reset.addEventListener("click", () => ask(face.controls.map((c) => c.start)));
  const words = node("p", { class: "sm-words" });
  const spoken = node("p", { class: "sm-spoken", role: "status", "aria-live": "polite" });
  const panels = node("div", { class: "sm-panels" });
  const figure = node("figure", { class: "sm-face", "aria-label": face.name },
    node("div", { class: "sm-controls" }, ...controls.map((c) => c.row),
      node("div", { class: "sm-reset" }, reset, node("span", { class: "sm-busy" }, "computing…"))),
    words, spoken, panels, node("figcaption", {}, node("strong", {}, `${face.name}.`), ` ${face.caption}`));

  let drawn = null, width = 0, pause;
  const reserve = () => { // the longest text has room, so that the pictures below stay where they are
    const longest = model.get("longest");
    if (!longest) return;
    const twin = node("p", { class: "sm-words", style: "visibility: hidden; min-height: 0" }, longest);
    words.before(twin);
    words.style.minHeight = `${twin.offsetHeight}px`;
    twin.remove();
  };
  const drawPanels = () => {
    width = panels.clientWidth;
    const list = model.get("shown").panels;
    reserve();
    panels.style.setProperty("--sm-columns", list.length === 4 ? 2 : Math.min(3, list.length) || 1);
    const slots = list.map((p) => node("div", { class: "sm-panel" }, node("p", { class: "sm-title" }, p.title)));
    panels.replaceChildren(...slots);
    slots.forEach((slot, k) => { // in the page first, then drawn: a plot is as wide as its slot
      const label = `${list[k].title}: ${list[k].ylabel} against ${list[k].xlabel}`;
      if (slot.clientWidth) slot.append(plot(list[k], face.roles, label, slot.clientWidth), legend(list[k], face.roles));
    });
  };
  const say = ({ index, words: said, tone }) => {
    const shape = face.tones[tone];
    words.replaceChildren(...(shape ? [node("span", { class: `sm-tone is-${tone}` }, `${shape} ${tone}`), " "] : []),
      said, " ", node("span", { class: "sm-at" }, `(${setting(index)})`));
    clearTimeout(pause); // a screen reader hears where the slider came to rest, in one sentence
    pause = setTimeout(() => { spoken.textContent = [tone, said.split(/(?<=[.!?]) /)[0]].filter(Boolean).join(": "); }, 500);
  };
  const update = () => {
    const index = model.get("index"), shown = model.get("shown");
    controls.forEach(({ input, output }, k) => {
      const text = face.controls[k].labels[index[k]];
      input.value = index[k];
      input.setAttribute("aria-valuetext", text);
      output.textContent = text;
    });
    const busy = String(index.some((i, k) => i !== shown.index[k]));
    if (figure.getAttribute("aria-busy") !== busy) figure.setAttribute("aria-busy", busy);
    if (shown !== drawn) { drawn = shown; say(shown); drawPanels(); }
  };
  const sizes = new ResizeObserver(() => { if (panels.clientWidth !== width) drawPanels(); });

  el.classList.add("sm", "tex2jax_ignore", "mathjax_ignore");
  el.prepend(figure);
  update();
  sizes.observe(panels);
  model.on("change:index", update);
  model.on("change:shown", update);
  return () => { clearTimeout(pause); model.off("change:index", update); model.off("change:shown", update); sizes.disconnect(); };
}

// ---- the static page

function unpack({ frames, parts, arrays }, place) {
  const mark = ([head, x, y]) => { const [kind, label, role] = parts[head]; return { kind, label, role, x: arrays[x], y: arrays[y] }; };
  const panel = ([head, ...marks]) => {
    const [title, xlabel, ylabel, xlim, ylim, xscale, yscale] = parts[head];
    return { title, xlabel, ylabel, xlim, ylim, xscale, yscale, marks: marks.map((m) => mark(parts[m])) };
  };
  const [words, tone, ...panels] = frames[place];
  return { words, tone, panels: panels.map((p) => panel(parts[p])) };
}

function pageModel(data) {
  const sizes = data.face.controls.map((c) => c.labels.length), listeners = new Set();
  const at = (index) => ({ index, ...unpack(data, index.reduce((place, i, k) => place * sizes[k] + i, 0)) });
  const start = data.face.controls.map((c) => c.start), last = (texts) => texts.reduce((a, b) => (b.length > a.length ? b : a));
  const longest = `${last(data.frames.map(([words, tone]) => `● ${tone} ${words}`))} (${
    data.face.controls.map((c) => `${c.name} = ${last(c.labels)}`).join(", ")})`;
  const state = { face: data.face, index: start, shown: at(start), longest };
  return {
    get: (key) => state[key],
    set: (key, value) => { state[key] = value; state.shown = at(state.index); },
    save_changes: () => listeners.forEach((listener) => listener()),
    on: (event, listener) => listeners.add(listener),
    off: (event, listener) => listeners.delete(listener),
  };
}

// The page's address names the setting, as #id=label~label: it survives a reload, can be sent, and a link can set it.
function keepInAddress(model, el) {
  const controls = model.get("face").controls;
  const take = () => {
    const labels = new URLSearchParams(location.hash.slice(1)).get(el.id)?.split("~") ?? [];
    const index = labels.map((label, k) => controls[k]?.labels.indexOf(label) ?? -1);
    if (index.length !== controls.length || index.includes(-1)) return;
    model.set("index", index);
    model.save_changes();
    el.scrollIntoView({ block: "nearest" });
  };
  let pause;
  model.on("change:index", () => {
    clearTimeout(pause); // browsers allow a few changes of the address a second
    const labels = model.get("index").map((i, k) => controls[k].labels[i]).join("~");
    pause = setTimeout(() => history.replaceState(null, "", `#${new URLSearchParams([[el.id, labels]])}`), 300);
  });
  addEventListener("hashchange", take);
  take();
}

function mountAll() {
  for (const el of document.querySelectorAll("[data-explorer]:not([data-ready])")) {
    const model = pageModel(JSON.parse(el.querySelector("script[type='application/json']").textContent));
    render({ model, el });
    keepInAddress(model, el);
    el.setAttribute("data-ready", "");
  }
}

export default { render };
