"use strict";
// The arena over time: across, the steps (nodes in order); up, the offset in the arena; a rectangle
// for each tensor or scratch memory from the step that first needs it to the last.

const CHART_HEIGHT = 420,
  CHART_LEFT = 78,
  CHART_TOP = 16,
  CHART_BOTTOM = 30;

class MemoryView {
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.widen = 1;
  }

  show(graph) {
    this.graph = graph;
    this.rectangles = new Map();
    this.made = false;
    this.step = null;
    this.selection = null;
    this.box.textContent = "";
  }

  // Made when first looked at, since its width is that of the box.
  make() {
    if (this.made || !this.graph) return;
    this.made = true;
    const {graph, box} = this;
    if (!graph.plan) {
      box.append(
        h(
          "p",
          {class: "note"},
          graph.json.problem
            ? `There is no plan of the memory: ${graph.json.problem}`
            : "There is no plan of the memory.",
        ),
      );
      return;
    }
    if (graph.plan.length === 0) {
      box.append(
        h(
          "p",
          {class: "note"},
          "Nothing is planned ahead: the shapes of this graph's tensors show only when it runs, or it has none.",
        ),
      );
      return;
    }
    this.alive = graph.aliveBytes();
    const {arena_bytes: arena, arena_bound_bytes: bound, persistent_bytes: state} = graph.json;
    const over = bound > 0 ? (100 * (arena / bound - 1)).toFixed(1) : null;
    this.scroller = h("div", {
      class: "chart",
      tabindex: 0,
      role: "application",
      "aria-label": "Arena over time; left and right arrows move the step",
    });
    this.readout = h("p", {class: "readout", "aria-live": "polite"});
    this.table = h("div", {class: "alive"});
    append(box, [
      h(
        "p",
        {class: "summary"},
        h("span", {class: "key plan"}),
        `plan: ${grouped(arena)} bytes`,
        over !== null && ` (${over >= 0 ? "+" : ""}${over} % of the bound)`,
        h("span", {class: "key bound"}),
        `bound: ${grouped(bound)} bytes, the most that is alive at one step, without sharing`,
        h("span", {class: "key used"}),
        "in use at each step",
        state > 0 && ` · state outside the arena: ${grouped(state)} bytes`,
      ),
      graph.number !== 0 &&
        h("p", {class: "note"}, "Planned for the shapes that the file states; the caller may give others."),
      h(
        "p",
        {class: "chartzoom"},
        h("button", {onclick: () => this.stretch(1.5), title: "Wider"}, "wider"),
        " ",
        h("button", {onclick: () => this.stretch(1 / 1.5), title: "Narrower"}, "narrower"),
      ),
      this.scroller,
      this.readout,
      this.table,
    ]);
    this.draw();
    this.listen();
    this.setStep(this.peakStep());
    this.select(this.selection);
  }

  peakStep() {
    if (!this.alive) return 0;
    return this.alive.reduce((best, bytes, step) => (bytes > this.alive[best] ? step : best), 0);
  }

  stretch(factor) {
    const middle = (this.scroller.scrollLeft + this.scroller.clientWidth / 2) / this.width;
    this.widen = Math.min(64, Math.max(1, this.widen * factor));
    this.draw();
    this.scroller.scrollLeft = middle * this.width - this.scroller.clientWidth / 2;
  }

  draw() {
    const {graph} = this;
    const steps = Math.max(1, graph.nodes.length, ...graph.plan.map((e) => e.last + 1));
    const top = Math.max(graph.json.arena_bytes, graph.json.arena_bound_bytes, 1) * 1.04;
    const plain = this.scroller.clientWidth > 0 ? Math.max(this.scroller.clientWidth - 4, 320) : 1000;
    const width = (this.width = Math.min(Math.max(plain, steps * 0.5) * this.widen, 200000));
    const high = CHART_HEIGHT - CHART_TOP - CHART_BOTTOM;
    this.x = (step) => CHART_LEFT + (step * (width - CHART_LEFT - 8)) / steps;
    this.y = (bytes) => CHART_TOP + high * (1 - bytes / top);
    this.steps = steps;
    const {x, y} = this;
    this.rectangles.clear();
    const rectangles = graph.plan.map((entry) => {
      const first = Math.max(0, entry.first);
      const element = svg(
        "rect",
        {
          class: `tensor ${this.kindOf(entry)}${entry.shares_memory ? " shares" : ""}`,
          x: x(first).toFixed(2),
          width: Math.max(0.5, x(entry.last + 1) - x(first)).toFixed(2),
          y: y(entry.offset + entry.bytes).toFixed(2),
          height: Math.max(0.5, y(entry.offset) - y(entry.offset + entry.bytes)).toFixed(2),
        },
        svg("title", {}, this.describe(entry)),
      );
      element.entry = entry;
      if (entry.tensor >= 0) this.rectangles.set(entry.tensor, element);
      return element;
    });
    const level = (bytes, kind) =>
      svg("path", {class: `level ${kind}`, d: `M${CHART_LEFT} ${y(bytes)}H${width - 8}`});
    let used = "";
    if (this.alive)
      this.alive.forEach((bytes, step) => {
        if (step < steps)
          used += `${step === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(bytes).toFixed(1)}H${x(step + 1).toFixed(1)}`;
      });
    this.marker = svg("rect", {class: "step", y: CHART_TOP, height: high});
    replace(
      this.scroller,
      svg(
        "svg",
        {
          width,
          height: CHART_HEIGHT,
          viewBox: `0 0 ${width} ${CHART_HEIGHT}`,
          class: x(1) - x(0) < 4 ? "arena dense" : "arena",
        },
        this.axes(steps, top, width),
        this.marker,
        rectangles,
        svg("path", {class: "level used", d: used}),
        level(graph.json.arena_bound_bytes, "bound"),
        level(graph.json.arena_bytes, "plan"),
      ),
    );
    if (this.step !== null) this.setStep(this.step);
    this.select(this.selection);
  }

  axes(steps, top, width) {
    const {x, y} = this;
    const marks = [];
    const bytesStep = niceStep(top / 5),
      nodeStep = Math.max(1, niceStep((steps * 70) / width));
    for (let bytes = 0; bytes <= top; bytes += bytesStep) {
      marks.push(
        svg("path", {class: "grid", d: `M${CHART_LEFT} ${y(bytes)}H${width - 8}`}),
        svg(
          "text",
          {class: "tick", x: CHART_LEFT - 6, y: y(bytes) + 4, "text-anchor": "end"},
          bytesText(bytes),
        ),
      );
    }
    for (let step = 0; step < steps; step += nodeStep) {
      marks.push(
        svg(
          "text",
          {class: "tick", x: x(step + 0.5), y: CHART_HEIGHT - 12, "text-anchor": "middle"},
          String(step),
        ),
      );
    }
    return marks;
  }

  kindOf(entry) {
    if (entry.tensor < 0) return "scratch";
    if (this.graph.producer.has(entry.tensor))
      return kindOf(this.graph.nodes[this.graph.producer.get(entry.tensor)]);
    return this.graph.inputs.includes(entry.tensor) ? "input" : "math";
  }

  describe(entry) {
    const what =
      entry.tensor < 0
        ? `scratch memory of node ${entry.first}`
        : `${this.graph.tensors[entry.tensor].name}\n${typeText(this.graph.tensors[entry.tensor])}`;
    return (
      `${what}\n${grouped(entry.bytes)} bytes at ${grouped(entry.offset)}, steps ${entry.first} to ${entry.last}` +
      (entry.shares_memory ? "\nshares memory with another tensor" : "")
    );
  }

  listen() {
    const stepAt = (event) => {
      const left = this.scroller.firstChild.getBoundingClientRect().left;
      const step = Math.floor(
        ((event.clientX - left - CHART_LEFT) / (this.width - CHART_LEFT - 8)) * this.steps,
      );
      return Math.min(this.steps - 1, Math.max(0, step));
    };
    this.scroller.addEventListener("click", (event) => {
      this.setStep(stepAt(event));
      const {entry} = event.target;
      if (entry) this.on.select(entry.tensor >= 0 ? {tensor: entry.tensor} : {node: entry.first});
    });
    this.scroller.addEventListener("keydown", (event) => {
      const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (!by) return;
      event.preventDefault();
      this.setStep(Math.min(this.steps - 1, Math.max(0, (this.step || 0) + by)));
      this.revealStep();
    });
  }

  revealStep() {
    const at = this.x(this.step) - this.scroller.scrollLeft;
    if (at < 0 || at > this.scroller.clientWidth)
      this.scroller.scrollLeft = this.x(this.step) - this.scroller.clientWidth / 2;
  }

  // Marks a step and lists what is alive at it.
  setStep(step) {
    this.step = step;
    const {graph} = this;
    this.marker.setAttribute("x", this.x(step));
    this.marker.setAttribute("width", Math.max(1, this.x(step + 1) - this.x(step)));
    const node = graph.nodes[step];
    const used = this.alive ? `: ${grouped(this.alive[step])} bytes in use` : "";
    replace(
      this.readout,
      `Step ${step}`,
      node && [
        " · ",
        h(
          "a",
          {
            href: "#",
            onclick: (event) => {
              event.preventDefault();
              this.on.select({node: step});
            },
          },
          node.op,
        ),
      ],
      used,
      this.alive && step === this.peakStep() && " (the peak)",
    );
    const entries = graph.plan
      .filter((e) => e.first <= step && step <= e.last)
      .sort((a, b) => b.bytes - a.bytes);
    replace(
      this.table,
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["tensor", "type", "bytes", "offset", "steps", ""].map((t, i) =>
              h("th", {class: i >= 2 && i < 5 ? "number" : ""}, t),
            ),
          ),
        ),
        h(
          "tbody",
          {},
          entries
            .slice(0, 100)
            .map((entry) =>
              h(
                "tr",
                {},
                h(
                  "td",
                  {},
                  entry.tensor < 0 ? `scratch of node ${entry.first}` : this.on.link({tensor: entry.tensor}),
                ),
                h("td", {}, entry.tensor < 0 ? "" : typeText(graph.tensors[entry.tensor])),
                h("td", {class: "number"}, grouped(entry.bytes)),
                h("td", {class: "number"}, grouped(entry.offset)),
                h("td", {class: "number"}, `${entry.first} – ${entry.last}`),
                h("td", {}, entry.shares_memory ? "shares memory" : ""),
              ),
            ),
        ),
      ),
    );
  }

  // Marks the tensor, or those that the node reads and writes, and the node's step.
  select(selection) {
    this.selection = selection;
    if (!this.made || !this.graph.plan) return;
    for (const element of this.marked || []) element.classList.remove("selected");
    const node = selection && selection.node !== undefined ? this.graph.nodes[selection.node] : null;
    const tensors = node ? [...node.inputs, ...node.outputs] : selection ? [selection.tensor] : [];
    this.marked = tensors.map((t) => this.rectangles.get(t)).filter(Boolean);
    for (const element of this.marked) element.classList.add("selected");
    if (node && this.marker && selection.node < this.steps && this.step !== selection.node)
      this.setStep(selection.node);
    if (node) this.revealStep();
  }
}

// 1, 2 or 5 times a power of ten, not below `least`.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-9)));
  return power * [1, 2, 5, 10].find((f) => f * power >= least * (1 - 1e-9));
}
