"use strict";
// The graph as a drawing in a scrolling box. It is cut into tiles of some screens each, made when
// they first come into view and left out of the page's layout while they are not, so that scrolling
// and zooming cost what is visible and not what the model has.

const TILE = 1400;
const MIN_ZOOM = 0.005,
  MAX_ZOOM = 3;
const FAR = 0.42; // below this zoom texts could not be read and are left out
const ROW = 14,
  HEAD = 22,
  MOST_ROWS = 3,
  MOST_WIDTH = 300;
const MOST_DRAWN = 30000,
  MOST_PRINTED = 4000;

class GraphView {
  // `on.select(vertex)` is called with what has node: n or tensor: t, or null; `on.open(number)` to
  // show another graph.
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.zoom = 1;
    this.picture = null;
    this.frame = 0;
    this.wheel = null; // what the wheel asked for since the last frame
    box.addEventListener("scroll", () => this.later());
    new ResizeObserver(() => this.later()).observe(box);
    box.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.wheel = {
          by: (this.wheel ? this.wheel.by : 1) * Math.exp(-event.deltaY * 0.003),
          x: event.clientX,
          y: event.clientY,
        };
        this.later();
      },
      {passive: false},
    );
    this.listenToPointer();
    box.addEventListener("dblclick", (event) => {
      const vertex = this.vertexAt(event.target);
      const called = vertex && vertex.node !== undefined ? calledGraphs(this.graph.nodes[vertex.node]) : [];
      if (called.length > 0) on.open(called[called.length - 1][1]);
    });
  }

  listenToPointer() {
    let drag = null;
    this.box.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || event.pointerType !== "mouse" || event.target === this.box) return;
      drag = {
        x: event.clientX,
        y: event.clientY,
        left: this.box.scrollLeft,
        top: this.box.scrollTop,
        moved: false,
      };
    });
    window.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const dx = event.clientX - drag.x,
        dy = event.clientY - drag.y;
      drag.moved = drag.moved || Math.abs(dx) + Math.abs(dy) > 4;
      if (drag.moved) this.box.scrollTo(drag.left - dx, drag.top - dy);
    });
    window.addEventListener("pointerup", () => {
      if (drag) this.dragged = drag.moved;
      drag = null;
    });
    this.box.addEventListener("click", (event) => {
      if (this.dragged) {
        this.dragged = false;
        return;
      }
      this.on.select(this.vertexAt(event.target));
    });
  }

  vertexAt(target) {
    const element = target.closest("[data-vertex]");
    return element ? this.vertices[Number(element.dataset.vertex)] : null;
  }

  show(graph) {
    this.graph = graph;
    this.tiles = [];
    this.elements = new Map(); // vertex number → its group, where made
    this.selected = this.matches = null;
    this.box.textContent = "";
    this.picture = null;
    if (graph.nodes.length > MOST_DRAWN) {
      this.box.append(
        h(
          "p",
          {class: "note"},
          `${plural(graph.nodes.length, "node")}: too many to draw. The list has them all.`,
        ),
      );
      return;
    }
    this.measure();
    this.drawing = layoutGraph(this.vertices, this.edges());
    this.overlay = svg("g", {class: "overlay"});
    this.ground = svg("g", {});
    this.picture = svg("svg", {class: "picture"}, this.ground, this.overlay);
    this.box.append(h("div", {class: "canvas"}, this.picture));
    this.cut();
    this.zoom = this.startZoom();
    this.resize();
    const first = this.vertices.length > 0 ? this.drawing.x[0] * this.zoom : 0;
    this.box.scrollTo(first - this.box.clientWidth / 2, 0);
    this.update();
  }

  // Vertices: graph inputs, nodes, graph outputs; every edge leads from a smaller number to a larger.
  measure() {
    const {graph} = this;
    this.vertices = [
      ...graph.inputs.map((t) => ({tensor: t, ...portBox(graph, t, "input")})),
      ...graph.nodes.map((_, n) => ({node: n, ...nodeBox(graph, n)})),
      ...graph.outputs.map((t) => ({tensor: t, ...portBox(graph, t, "output")})),
    ];
    this.vertices.forEach((vertex, v) => {
      vertex.number = v;
    });
  }

  edges() {
    const {graph} = this;
    const source = new Map(); // tensor → vertex
    graph.inputs.forEach((t, i) => source.set(t, i));
    const nodeVertex = (n) => graph.inputs.length + n;
    for (const [t, n] of graph.producer) source.set(t, nodeVertex(n));
    const edges = [];
    const connect = (tensors, to) => {
      const froms = new Set(tensors.filter((t) => source.has(t)).map((t) => source.get(t)));
      for (const from of froms) edges.push([from, to]);
    };
    graph.nodes.forEach((node, n) => connect(node.inputs, nodeVertex(n)));
    graph.outputs.forEach((t, i) => connect([t], graph.inputs.length + graph.nodes.length + i));
    return edges;
  }

  // Divides vertices and segments among tiles; a tile knows the box around what it holds.
  cut() {
    const {drawing} = this;
    const tiles = new Map();
    const put = (x0, y0, x1, y1) => {
      const key = `${Math.floor(x0 / TILE)},${Math.floor(y0 / TILE)}`;
      if (!tiles.has(key))
        tiles.set(key, {x0, y0, x1, y1, vertices: [], lines: [], arrows: [], element: null, shown: false});
      const tile = tiles.get(key);
      tile.x0 = Math.min(tile.x0, x0);
      tile.y0 = Math.min(tile.y0, y0);
      tile.x1 = Math.max(tile.x1, x1);
      tile.y1 = Math.max(tile.y1, y1);
      return tile;
    };
    this.vertices.forEach((vertex, v) => {
      vertex.x = drawing.x[v] - vertex.width / 2;
      vertex.y = drawing.tops[drawing.layer[v]];
      put(vertex.x, vertex.y, vertex.x + vertex.width, vertex.y + vertex.height).vertices.push(vertex);
    });
    drawing.down.forEach((below, item) => {
      for (const next of below) {
        const {from, to, line} = this.segment(item, next);
        const tile = put(Math.min(from.x, to.x), from.y, Math.max(from.x, to.x), to.y);
        tile.lines.push(line);
        if (next < drawing.count) tile.arrows.push(arrow(to));
      }
    });
    for (const [v, w] of drawing.unrouted) {
      const {from, to, line} = this.segment(v, w);
      const tile = put(Math.min(from.x, to.x), from.y, Math.max(from.x, to.x), to.y);
      tile.lines.push(line);
      tile.arrows.push(arrow(to));
    }
    this.tiles = [...tiles.values()];
  }

  // From one item to one in the next layer: down to the end of its layer, then a bend.
  segment(item, next) {
    const {drawing} = this;
    const real = item < drawing.count;
    const layer = drawing.layer[item];
    const from = {
      x: drawing.x[item],
      y: real ? drawing.tops[layer] + this.vertices[item].height : drawing.tops[layer],
    };
    const port = next < drawing.count ? drawing.ports[next].get(item) || 0 : 0;
    const to = {x: drawing.x[next] + port, y: drawing.tops[drawing.layer[next]]};
    const start = Math.min(drawing.bottoms[layer], to.y - 6),
      bend = (to.y - start) * 0.5;
    const f = (n) => n.toFixed(1);
    return {
      from,
      to,
      line: `M${f(from.x)} ${f(from.y)}V${f(start)}C${f(from.x)} ${f(start + bend)} ${f(to.x)} ${f(to.y - bend)} ${f(to.x)} ${f(to.y)}`,
    };
  }

  startZoom() {
    const fit = this.box.clientWidth / Math.max(this.drawing.width, 1);
    return Math.min(1, Math.max(fit, 0.85));
  }

  later() {
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        const {wheel} = this;
        this.wheel = null;
        if (wheel) this.zoomTo(this.zoom * wheel.by, wheel.x, wheel.y);
        this.update();
      });
    }
  }

  resize() {
    const {width, height} = this.drawing;
    this.picture.setAttribute("viewBox", `0 0 ${width.toFixed(0)} ${height.toFixed(0)}`);
    this.picture.setAttribute("width", (width * this.zoom).toFixed(1));
    this.picture.setAttribute("height", (height * this.zoom).toFixed(1));
  }

  // Shows the tiles near the visible part; `all` for printing.
  update(all = false) {
    if (!this.picture) return;
    const {box, zoom} = this;
    const picture = this.picture.getBoundingClientRect(),
      view = box.getBoundingClientRect();
    const margin = 150;
    const left = (view.left - picture.left - margin) / zoom,
      top = (view.top - picture.top - margin) / zoom;
    const right = (view.right - picture.left + margin) / zoom,
      bottom = (view.bottom - picture.top + margin) / zoom;
    for (const tile of this.tiles) {
      const shown = all || (tile.x0 < right && tile.x1 > left && tile.y0 < bottom && tile.y1 > top);
      if (shown === tile.shown) continue;
      tile.shown = shown;
      if (shown && !tile.element) this.make(tile);
      tile.element.style.display = shown ? "" : "none";
    }
    // Last, so that only the texts of visible tiles are laid out.
    this.picture.classList.toggle("far", !all && zoom < FAR);
  }

  make(tile) {
    tile.element = svg(
      "g",
      {},
      svg("path", {class: "edge", d: tile.lines.join("")}),
      svg("path", {class: "arrow", d: tile.arrows.join("")}),
      tile.vertices.map((vertex) => {
        const element = drawBox(vertex, this.graph);
        this.elements.set(vertex.number, element);
        this.mark(vertex.number);
        return element;
      }),
    );
    this.ground.append(tile.element);
  }

  // The whole graph for paper: pieces one page high, side by side as far as the page is wide.
  slices() {
    if (!this.picture || this.vertices.length > MOST_PRINTED)
      return h("p", {class: "note"}, "The graph is too large to print.");
    this.update(true);
    const pageWidth = 700,
      pageHeight = 860;
    const {width, height} = this.drawing;
    const scale = Math.min(0.75, pageWidth / width),
      high = pageHeight / scale;
    const slices = [];
    for (let y = 0; y < height; y += high) {
      const shown = Math.min(high, height - y);
      const tiles = this.tiles
        .filter((tile) => tile.y0 < y + shown && tile.y1 > y)
        .map((tile) => tile.element.cloneNode(true));
      slices.push(
        svg(
          "svg",
          {
            class: "picture",
            viewBox: `0 ${y} ${width} ${shown}`,
            width: width * scale,
            height: shown * scale,
          },
          tiles,
        ),
      );
    }
    return slices;
  }

  mark(v) {
    const element = this.elements.get(v);
    if (!element) return;
    const {node} = this.vertices[v];
    element.classList.toggle("selected", this.selected === v);
    element.classList.toggle(
      "faded",
      this.matches !== null && (node === undefined || !this.matches.has(node)),
    );
  }

  // Nodes that a search found; null for no search.
  setMatches(nodes) {
    this.matches = nodes === null ? null : new Set(nodes);
    if (this.picture) this.picture.classList.toggle("searching", nodes !== null);
    for (const v of this.elements.keys()) this.mark(v);
  }

  vertexOf(selection) {
    if (!selection || !this.picture) return null;
    if (selection.number !== undefined) return selection.number;
    if (selection.node !== undefined) return this.graph.inputs.length + selection.node;
    const input = this.graph.inputs.indexOf(selection.tensor);
    if (input >= 0) return input;
    if (this.graph.producer.has(selection.tensor))
      return this.graph.inputs.length + this.graph.producer.get(selection.tensor);
    return null;
  }

  select(selection, scroll) {
    if (!this.picture) return;
    const before = this.selected;
    this.selected = this.vertexOf(selection);
    if (before !== null) this.mark(before);
    this.overlay.textContent = "";
    if (this.selected === null) return;
    this.mark(this.selected);
    this.drawNeighbourhood(this.selected);
    if (scroll) this.reveal(this.selected);
  }

  drawNeighbourhood(v) {
    const {drawing} = this;
    const path = (from, to) => {
      const items = edgeItems(drawing, from, to);
      let d = "";
      for (let i = 0; i + 1 < items.length; ++i) d += this.segment(items[i], items[i + 1]).line;
      return d;
    };
    const most = 400;
    const ins = drawing.ins[v].slice(0, most).map((u) => path(u, v)),
      outs = drawing.outs[v].slice(0, most).map((w) => path(v, w));
    append(this.overlay, [
      svg("path", {class: "edge in", d: ins.join("")}),
      svg("path", {class: "edge out", d: outs.join("")}),
    ]);
  }

  reveal(v) {
    const {box, zoom} = this;
    const vertex = this.vertices[v];
    const x = (vertex.x + vertex.width / 2) * zoom,
      y = (vertex.y + vertex.height / 2) * zoom;
    const away = (at, from, size) => at < from + 60 || at > from + size - 60;
    if (away(x, box.scrollLeft, box.clientWidth) || away(y, box.scrollTop, box.clientHeight)) {
      box.scrollTo(x - box.clientWidth / 2, y - box.clientHeight / 2);
    }
    this.update();
  }

  // Keeps the point under (clientX, clientY) where it is; by default the middle.
  zoomTo(zoom, clientX, clientY) {
    if (!this.picture) return;
    const {box} = this;
    const view = box.getBoundingClientRect();
    const x = clientX ?? view.left + view.width / 2,
      y = clientY ?? view.top + view.height / 2;
    const before = this.picture.getBoundingClientRect();
    const next = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, zoom));
    const at = {x: (x - before.left) / this.zoom, y: (y - before.top) / this.zoom};
    this.zoom = next;
    this.resize();
    const after = this.picture.getBoundingClientRect();
    box.scrollBy(after.left + at.x * next - x, after.top + at.y * next - y);
    this.later();
  }

  zoomBy(how) {
    if (!this.picture) return;
    const {width, height} = this.drawing;
    if (how === "in") this.zoomTo(this.zoom * 1.25);
    if (how === "out") this.zoomTo(this.zoom / 1.25);
    if (how === "one") this.zoomTo(1);
    if (how === "all") this.zoomTo(Math.min(1, this.box.clientWidth / width, this.box.clientHeight / height));
    if (how !== "all" && this.selected !== null) this.reveal(this.selected);
  }

  // The vertex that an arrow key leads to from the selected one, as a selection; null when none.
  neighbour(key) {
    const {drawing, selected} = this;
    if (!this.picture || this.vertices.length === 0) return null;
    if (selected === null) return this.vertices[this.graph.nodes.length > 0 ? this.graph.inputs.length : 0];
    const nearest = (list) =>
      list
        .slice()
        .sort(
          (a, b) =>
            Math.abs(drawing.x[a] - drawing.x[selected]) - Math.abs(drawing.x[b] - drawing.x[selected]),
        )[0];
    let next;
    if (key === "ArrowUp") next = nearest(drawing.ins[selected]);
    if (key === "ArrowDown") next = nearest(drawing.outs[selected]);
    if (key === "ArrowLeft" || key === "ArrowRight") {
      const row = drawing.layers[drawing.layer[selected]].filter((item) => item < drawing.count);
      next = row[row.indexOf(selected) + (key === "ArrowLeft" ? -1 : 1)];
    }
    return next === undefined ? null : this.vertices[next];
  }
}

const arrow = ({x, y}) => `M${x.toFixed(1)} ${y.toFixed(1)}l-4-7h8z`;

const ruler = document.createElement("canvas").getContext("2d");
const widths = new Map();
function textWidth(text, font) {
  const key = font + text;
  if (!widths.has(key)) {
    ruler.font = font;
    widths.set(key, ruler.measureText(text).width);
  }
  return widths.get(key);
}
const TITLE_FONT = "600 12px system-ui, sans-serif",
  ROW_FONT = "10.5px ui-monospace, monospace";

// What stands in the box of a node, and how large that is.
function nodeBox(graph, n) {
  const node = graph.nodes[n];
  const rows = [];
  const constants = graph.constants(node);
  for (const [t, i] of constants.slice(0, MOST_ROWS))
    rows.push(clip(`${roleOf(node, i) || "constant"} ${shapeText(graph.tensors[t].shape)}`, 40));
  if (constants.length > MOST_ROWS) rows.push(`… ${constants.length - MOST_ROWS} more constants`);
  for (const [how, g] of calledGraphs(node).slice(0, MOST_ROWS)) rows.push(`${how} → graph ${g}`);
  const first = node.outputs.find((t) => t >= 0);
  if (first !== undefined) {
    const more = node.outputs.length > 1 ? ` +${node.outputs.length - 1}` : "";
    rows.push(clip("→ " + typeText(graph.tensors[first]), 40) + more);
  }
  const activation = fusedActivation(node);
  return boxOf({
    title: clip(node.op, 60),
    tag: String(n),
    rows,
    activation,
    kind: kindOf(node),
    share: graph.mostMacs > 0 ? Math.max(0, node.macs) / graph.mostMacs : 0,
  });
}

function portBox(graph, t, kind) {
  const tensor = graph.tensors[t];
  return boxOf({
    title: clip(tensor.name || kind, 60),
    tag: kind,
    rows: [typeText(tensor)],
    activation: null,
    kind,
    share: 0,
  });
}

function boxOf(content) {
  const tag = textWidth(content.tag, ROW_FONT) + 14;
  let {title} = content;
  while (textWidth(title, TITLE_FONT) + tag + 18 > MOST_WIDTH) title = clip(title, title.length - 1);
  const width =
    Math.max(96, textWidth(title, TITLE_FONT) + tag, ...content.rows.map((row) => textWidth(row, ROW_FONT))) +
    18;
  const height = HEAD + content.rows.length * ROW + 9 + (content.activation ? 15 : 0);
  return {...content, title, width, height};
}

function drawBox(vertex, graph) {
  const {width, height, kind, rows, activation, share} = vertex;
  const texts = rows.map((row, i) => svg("text", {class: "row", x: 9, y: HEAD + 14 + i * ROW}, row));
  const label =
    vertex.node !== undefined
      ? `${graph.nodes[vertex.node].op}, node ${vertex.node}`
      : `graph ${kind} ${graph.tensors[vertex.tensor].name}`;
  return svg(
    "g",
    {
      class: `box ${kind}`,
      "data-vertex": vertex.number,
      transform: `translate(${vertex.x.toFixed(1)} ${vertex.y.toFixed(1)})`,
    },
    svg("title", {}, label),
    svg("rect", {class: "body", width, height, rx: 5}),
    svg("path", {class: "head", d: `M0 ${HEAD}V5a5 5 0 0 1 5-5H${width - 5}a5 5 0 0 1 5 5V${HEAD}z`}),
    svg("text", {class: "title", x: 9, y: 15}, vertex.title),
    svg("text", {class: "index", x: width - 8, y: 15}, vertex.tag),
    texts,
    activation &&
      svg(
        "g",
        {},
        svg("path", {
          class: "fused",
          d: `M0 ${height - 15}H${width}V${height - 5}a5 5 0 0 1-5 5H5a5 5 0 0 1-5-5z`,
        }),
        svg("text", {class: "row fusedtext", x: 9, y: height - 4}, activation),
      ),
    share > 0 && svg("rect", {class: "share", x: 0, y: HEAD, width: Math.max(1, width * share), height: 3}),
  );
}
