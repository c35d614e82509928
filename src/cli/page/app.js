"use strict";
// Ties the views together: one selection, one search, one address (what follows # in the URL).

const byId = (id) => document.getElementById(id);
const VIEWS = ["graph", "memory", "nodes", "operators"];

class App {
  constructor(data) {
    this.data = data;
    this.graphs = [data, ...data.other_graphs].map((json) => new Graph(json));
    this.selection = null;
    this.view = "graph";
    this.found = null;
    this.on = {
      select: (selection) => this.select(selection),
      open: (number) => this.open(number),
      search: (query) => this.search(query),
      link: (selection, text) => this.link(selection, text),
    };
    this.graphView = new GraphView(byId("graph"), this.on);
    this.memoryView = new MemoryView(byId("view-memory"), this.on);
    this.header();
    this.listen();
    this.restore();
  }

  header() {
    const {data} = this;
    const name = data.model.split("/").pop();
    document.title = `${name} · Edge ML`;
    byId("title").textContent = name;
    byId("title").title = data.model;
    const facts = [
      `${bytesText(data.file_bytes)}`,
      `${grouped(data.parameters)} parameters`,
      data.macs > 0 && `${scaled(data.macs)} MACs`,
      data.arena_bytes !== undefined && `arena ${bytesText(data.arena_bytes)}`,
    ];
    byId("facts").textContent = facts.filter(Boolean).join(" · ");
    if (this.graphs.length > 1) {
      byId("graph-picker").hidden = false;
      append(
        byId("graph-select"),
        this.graphs.map((g) =>
          h(
            "option",
            {value: g.number},
            `${g.number} ${clip(g.name, 40)} (${plural(g.nodes.length, "node")})`,
          ),
        ),
      );
    }
  }

  legend() {
    const kinds = [
      ["heavy", "multiply-accumulates"],
      ["activation", "activation"],
      ["pool", "pooling, reduction"],
      ["math", "arithmetic"],
      ["move", "shape, movement"],
      ["convert", "type, quantization"],
      ["control", "control, state"],
      ["custom", "custom"],
    ];
    const used = new Set(this.graph.nodes.map(kindOf));
    replace(
      byId("legend"),
      kinds.filter(([kind]) => used.has(kind)).map(([kind, text]) => h("li", {class: kind}, text)),
      this.graph.mostMacs > 0 && h("li", {class: "sharekey"}, "share of the MACs"),
    );
  }

  open(number, selection = null) {
    const graph = this.graphs[number];
    if (!graph) return;
    this.graph = graph;
    byId("graph-select").value = String(number);
    const {problem} = graph.json;
    byId("problem").hidden = !problem;
    byId("problem").textContent = problem
      ? `Cannot run, so there are no settled shapes, kernels and memory plan: ${problem}`
      : "";
    this.legend();
    this.graphView.show(graph);
    this.memoryView.show(graph);
    this.tablesMade = new Set();
    this.search(byId("search").value, false);
    this.select(selection, true);
    this.showView(this.view);
  }

  showView(view) {
    this.view = view;
    for (const name of VIEWS) {
      byId(`view-${name}`).hidden = name !== view;
      byId(`tab-${name}`).setAttribute("aria-selected", name === view);
      byId(`tab-${name}`).tabIndex = name === view ? 0 : -1;
    }
    this.fillView(view);
    if (view === "graph") this.graphView.later();
    this.remember();
  }

  fillView(view) {
    if (view === "memory") this.memoryView.make();
    if ((view === "nodes" || view === "operators") && !this.tablesMade.has(view)) {
      this.tablesMade.add(view);
      replace(
        byId(`view-${view}`),
        view === "nodes" ? nodesTable(this.graph, this.on) : operatorsTable(this.graph, this.on),
      );
    }
  }

  // What has node: n or tensor: t; null shows the model.
  select(selection, scroll = true) {
    if (selection && selection.node !== undefined && !this.graph.nodes[selection.node]) selection = null;
    if (selection && selection.tensor !== undefined && !this.graph.tensors[selection.tensor])
      selection = null;
    this.selection = selection;
    const {graph, on} = this;
    const content = !selection
      ? modelDetails(this.data, graph, on)
      : selection.node !== undefined
        ? nodeDetails(graph, selection.node, on)
        : tensorDetails(graph, selection.tensor, on);
    replace(byId("details"), content);
    byId("details").scrollTop = 0;
    this.graphView.select(selection, scroll);
    this.memoryView.select(selection);
    const current = byId("rows").querySelector("[aria-current]");
    if (current) current.removeAttribute("aria-current");
    const row =
      selection &&
      selection.node !== undefined &&
      byId("rows").querySelector(`[data-node="${selection.node}"]`);
    if (row) {
      row.setAttribute("aria-current", "true");
      // Not scrollIntoView: in a narrow window that would scroll the page away from the graph.
      const list = byId("rows").getBoundingClientRect(),
        place = row.getBoundingClientRect();
      if (place.top < list.top || place.bottom > list.bottom)
        byId("rows").scrollTop += place.top - list.top - list.height / 2;
    }
    this.remember();
  }

  link(selection, text) {
    const name = text === undefined ? nameElement(this.graph.tensors[selection.tensor].name) : text;
    return h(
      "a",
      {
        href: "#",
        onclick: (event) => {
          event.preventDefault();
          this.select(selection);
        },
      },
      name,
    );
  }

  search(query, remember = true) {
    byId("search").value = query;
    this.found = this.graph.search(query);
    fillList(byId("rows"), this.graph, this.found, this.on);
    byId("found").textContent =
      this.found === null
        ? plural(this.graph.nodes.length, "node")
        : `${grouped(this.found.length)} of ${plural(this.graph.nodes.length, "node")}`;
    this.graphView.setMatches(this.found);
    if (remember) this.remember();
  }

  // The next found node after the selected one, or the one before; around the end.
  nextMatch(by) {
    if (this.found === null || this.found.length === 0) return;
    const at = this.selection && this.selection.node !== undefined ? this.selection.node : -1;
    const next = by > 0 ? this.found.find((n) => n > at) : this.found.findLast((n) => n < at);
    this.select({node: next ?? this.found[by > 0 ? 0 : this.found.length - 1]});
  }

  // The address: graph, selection, view, search, theme. A new entry of the history for a new selection.
  remember() {
    if (this.restoring) return;
    const state = new URLSearchParams();
    if (this.graph.number !== 0) state.set("graph", this.graph.number);
    if (this.selection)
      Object.entries(this.selection).forEach(
        ([key, value]) => (key === "node" || key === "tensor") && state.set(key, value),
      );
    if (this.view !== "graph") state.set("view", this.view);
    if (byId("search").value) state.set("search", byId("search").value);
    if (this.theme) state.set("theme", this.theme);
    const address = `#${state}`;
    if (address === (location.hash || "#")) return;
    const place = [state.get("graph"), state.get("node"), state.get("tensor")].join();
    try {
      if (place !== this.place) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
    } catch (error) {
      // Some browsers limit how often; the address is then a little behind.
    }
    this.place = place;
  }

  restore() {
    this.restoring = true;
    const state = new URLSearchParams(location.hash.slice(1));
    const number = (key) => (/^\d+$/.test(state.get(key) || "") ? Number(state.get(key)) : undefined);
    this.setTheme(["light", "dark"].includes(state.get("theme")) ? state.get("theme") : null);
    if (VIEWS.includes(state.get("view"))) this.view = state.get("view");
    byId("search").value = state.get("search") || "";
    const node = number("node"),
      tensor = number("tensor");
    const selection = node !== undefined ? {node} : tensor !== undefined ? {tensor} : null;
    const graph = this.graphs[number("graph") || 0] ? number("graph") || 0 : 0;
    if (this.graph && this.graph.number === graph) {
      this.search(byId("search").value);
      this.select(selection);
      this.showView(this.view);
    } else {
      this.open(graph, selection);
    }
    this.place = [state.get("graph"), state.get("node"), state.get("tensor")].join();
    this.restoring = false;
  }

  // "light", "dark", or null for what the system prefers.
  setTheme(theme) {
    this.theme = theme;
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = theme || (dark ? "dark" : "light");
  }

  toggleTheme() {
    this.setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    this.remember();
  }

  listen() {
    byId("search").addEventListener("input", (event) => this.search(event.target.value));
    byId("graph-select").addEventListener("change", (event) => this.open(Number(event.target.value)));
    byId("theme").addEventListener("click", () => this.toggleTheme());
    byId("help").addEventListener("click", () => byId("keys").showModal());
    byId("tabs").addEventListener(
      "click",
      (event) => event.target.dataset.view && this.showView(event.target.dataset.view),
    );
    byId("tabs").addEventListener("keydown", (event) => {
      const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (!by) return;
      this.showView(VIEWS[(VIEWS.indexOf(this.view) + by + VIEWS.length) % VIEWS.length]);
      byId(`tab-${this.view}`).focus();
    });
    byId("zoom").addEventListener(
      "click",
      (event) => event.target.dataset.zoom && this.graphView.zoomBy(event.target.dataset.zoom),
    );
    window.addEventListener("popstate", () => this.restore());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.setTheme(this.theme));
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("beforeprint", () => this.preparePrint());
    window.addEventListener("afterprint", () => {
      this.setTheme(this.theme);
      replace(byId("slices"));
      this.graphView.later();
    });
  }

  preparePrint() {
    document.documentElement.dataset.theme = "light";
    VIEWS.forEach((view) => this.fillView(view));
    replace(byId("slices"), this.graphView.slices());
  }

  key(event) {
    const {key} = event;
    if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
    if (event.target === byId("search")) {
      if (key === "Enter") this.nextMatch(event.shiftKey ? -1 : 1);
      if (key === "Escape") {
        this.search("");
        byId("graph").focus();
      }
      return;
    }
    if (event.target.matches("select, input")) return;
    const node = this.selection && this.selection.node !== undefined ? this.selection.node : -1;
    const actions = {
      "/": () => byId("search").select(),
      "?": () => byId("keys").showModal(),
      g: () => this.showView("graph"),
      m: () => this.showView("memory"),
      n: () => this.showView("nodes"),
      o: () => this.showView("operators"),
      j: () => this.select({node: Math.min(node + 1, this.graph.nodes.length - 1)}),
      k: () => this.select({node: Math.max(node - 1, 0)}),
      d: () => this.toggleTheme(),
      Escape: () => this.select(null),
      Backspace: () => history.back(),
      "+": () => this.graphView.zoomBy("in"),
      "=": () => this.graphView.zoomBy("in"),
      "-": () => this.graphView.zoomBy("out"),
      1: () => this.graphView.zoomBy("one"),
      0: () => this.graphView.zoomBy("all"),
    };
    if (key.startsWith("Arrow") && event.target === byId("graph")) {
      const next = this.graphView.neighbour(key);
      if (next) this.select(next);
      event.preventDefault();
    } else if (actions[key]) {
      actions[key]();
      event.preventDefault();
    }
  }
}

{
  const started = performance.now();
  const app = new App(JSON.parse(byId("model-data").textContent));
  document.documentElement.dataset.ready = Math.round(performance.now() - started);
  app.graphView.later();
}
