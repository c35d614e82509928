"use strict";
// The panel at the side: the model, a node or a tensor.

const MOST_LISTED = 100;

const table = (rows) => {
  const shown = rows.filter(
    ([, value]) => value !== "" && value !== null && value !== undefined && value !== false,
  );
  return (
    shown.length > 0 &&
    h(
      "table",
      {class: "facts"},
      h(
        "tbody",
        {},
        shown.map(([name, value]) => h("tr", {}, h("th", {scope: "row"}, name), h("td", {}, value))),
      ),
    )
  );
};
const part = (title, ...content) => {
  const shown = content.flat(Infinity).filter((c) => c && (!(c instanceof Element) || c.hasChildNodes()));
  return shown.length > 0 && h("section", {}, h("h3", {}, title), shown);
};
const listed = (items, make) => [
  items.slice(0, MOST_LISTED).map(make),
  items.length > MOST_LISTED && h("p", {class: "note"}, `… and ${grouped(items.length - MOST_LISTED)} more`),
];

function modelDetails(data, graph, on) {
  const m = data.metadata;
  const ports = (tensors) => listed(tensors, (t) => tensorBlock(graph, t, "", on));
  return [
    h("h2", {}, "Model"),
    table([
      ["file", h("span", {class: "name"}, data.model)],
      ["format", "TFLite"],
      ["size", `${grouped(data.file_bytes)} bytes`],
      ["name", m.name && nameElement(m.name)],
      ["about", m.description && nameElement(m.description)],
      ["version", m.version && nameElement(m.version)],
      ["author", m.author && nameElement(m.author)],
      ["license", m.license && nameElement(m.license)],
      ["converter", data.description && nameElement(data.description)],
      ["files", m.associated_files.length > 0 && m.associated_files.map((f) => h("div", {}, nameElement(f)))],
      ["parameters", grouped(data.parameters)],
      ["constants", `${grouped(data.constant_bytes)} bytes`],
      ["MACs", data.macs !== null && grouped(data.macs)],
      [
        "arena",
        data.arena_bytes !== undefined &&
          `${grouped(data.arena_bytes)} bytes, bound ${grouped(data.arena_bound_bytes)}`,
      ],
      [
        "kernels",
        (data.exact ? "reference (exact)" : data.simd_level) + ", on the machine that wrote this page",
      ],
    ]),
    part(
      "Not supported",
      data.unsupported_ops.map((text) => h("p", {}, text)),
    ),
    part(
      "Signatures",
      listed(data.signatures, (s) =>
        h(
          "p",
          {},
          nameElement(s.key),
          `: ${Object.keys(s.inputs).join(", ")} → ${Object.keys(s.outputs).join(", ")}`,
          s.subgraph !== graph.number && [" · ", graphLink(s.subgraph, on)],
        ),
      ),
    ),
    graph.number !== 0 &&
      part(
        `Graph ${graph.number}`,
        h("p", {}, nameElement(graph.name)),
        h("p", {}, plural(graph.nodes.length, "node")),
      ),
    part("Inputs", ports(graph.inputs)),
    part("Outputs", ports(graph.outputs)),
  ];
}

const graphLink = (number, on) =>
  h(
    "a",
    {
      href: "#",
      onclick: (event) => {
        event.preventDefault();
        on.open(number);
      },
    },
    `graph ${number}`,
  );

function nodeDetails(graph, n, on) {
  const node = graph.nodes[n];
  const attributes = Object.entries(node.attribute_values);
  const called = calledGraphs(node);
  const macs =
    node.macs > 0
      ? [grouped(node.macs), graph.macs > 0 && ` · ${percent(node.macs, graph.macs)} of the graph`]
      : node.macs === 0
        ? "none"
        : graph.json.problem
          ? ""
          : "known only when it runs";
  return [
    h(
      "h2",
      {},
      node.op,
      h("small", {}, `node ${n}${node.custom ? ", custom" : ` · version ${node.version}`}`),
    ),
    table([
      ["MACs", macs],
      ["parameters", node.parameters > 0 && grouped(node.parameters)],
      ["kernel", node.kernel === "folded" ? "none: computed while preparing, from constants" : node.kernel],
    ]),
    part(
      "Calls",
      called.map(([how, g]) => h("p", {}, `${how}: `, graphLink(g, on))),
    ),
    part("Attributes", table(attributes.map(([name, value]) => [name, h("code", {}, value)]))),
    part(
      "Inputs",
      listed(
        node.inputs.map((t, i) => [t, i]),
        ([t, i]) => tensorBlock(graph, t, roleOf(node, i) || String(i), on),
      ),
    ),
    part(
      "Outputs",
      listed(node.outputs, (t) => tensorBlock(graph, t, "", on)),
    ),
    (node.declined || []).length > 0 &&
      part(
        "Why no faster kernel",
        h(
          "ul",
          {class: "declined"},
          node.declined.map((reason) => {
            const at = reason.indexOf(": ");
            return h("li", {}, h("code", {}, reason.slice(0, at)), ": ", reason.slice(at + 2));
          }),
        ),
      ),
    part(
      "Along the edges",
      h("p", {}, ...neighbours("from ", graph, graph.before(n), on)),
      h("p", {}, ...neighbours("to ", graph, graph.after(n), on)),
    ),
  ];
}

function neighbours(word, graph, nodes, on) {
  if (nodes.length === 0) return [];
  const some = nodes
    .slice(0, 12)
    .flatMap((n, i) => [i > 0 && ", ", on.link({node: n}, `${n} ${graph.nodes[n].op}`)]);
  return [word, ...some, nodes.length > 12 && ` and ${nodes.length - 12} more`];
}

function tensorDetails(graph, t, on) {
  const tensor = graph.tensors[t];
  return [
    h("h2", {}, nameElement(tensor.name || "tensor"), h("small", {}, `tensor ${t}`)),
    tensorFacts(graph, t, on),
    part(
      "Along the edges",
      graph.producer.has(t) && h("p", {}, ...neighbours("made by ", graph, [graph.producer.get(t)], on)),
      h("p", {}, ...neighbours("read by ", graph, graph.consumers.get(t) || [], on)),
    ),
  ];
}

// A tensor of a node: one line, and everything else when opened.
function tensorBlock(graph, t, role, on) {
  if (t < 0) return h("p", {class: "absent"}, `${role}: absent`);
  const tensor = graph.tensors[t];
  const block = h(
    "details",
    {class: "tensor"},
    h(
      "summary",
      {},
      role && h("span", {class: "role"}, role, " "),
      h("span", {class: "type"}, typeText(tensor)),
      nameElement(clip(tensor.name, 160)),
    ),
  );
  block.addEventListener("toggle", () => {
    if (block.open && block.childElementCount === 1) append(block, [tensorFacts(graph, t, on)]);
  });
  return block;
}

function tensorFacts(graph, t, on) {
  const tensor = graph.tensors[t];
  const entry = graph.placement.get(t);
  const signature = tensor.shape_signature;
  const what = tensor.constant
    ? "constant"
    : tensor.variable
      ? "variable: state that lives from run to run"
      : graph.inputs.includes(t)
        ? "graph input"
        : graph.outputs.includes(t)
          ? "graph output"
          : "";
  const q = tensor.quantization;
  return [
    table([
      ["tensor", on.link({tensor: t}, String(t))],
      ["is", what + (tensor.sparse ? ", sparse" : "")],
      ["type", tensor.dtype],
      ["shape", `[${tensor.shape.join(", ")}]`],
      [
        "may be",
        signature &&
          signature.some((d) => d < 0) &&
          `[${signature.map((d) => (d < 0 ? "?" : d)).join(", ")}]`,
      ],
      ["bytes", grouped(tensor.bytes)],
      ["quantization", quantizationText(tensor)],
      ["real range", realRangeText(tensor)],
      ["scales", q && q.scales.length > 1 && scalesFold(q)],
      [
        "in the arena",
        entry &&
          `steps ${entry.first} to ${entry.last}, offset ${grouped(entry.offset)}${entry.shares_memory ? ", shares memory" : ""}`,
      ],
    ]),
    tensor.statistics && statisticsBlock(tensor),
  ];
}

function scalesFold(q) {
  const [least, most] = q.scales.reduce(
    ([a, b], s) => [Math.min(a, s), Math.max(b, s)],
    [Infinity, -Infinity],
  );
  const fold = h("details", {}, h("summary", {}, `${short(least)} … ${short(most)}`));
  fold.addEventListener("toggle", () => {
    if (!fold.open || fold.childElementCount > 1) return;
    const text = q.scales
      .slice(0, 2000)
      .map((s, i) => `${i}: ${s}${q.zero_points[i] ? ` (zero point ${q.zero_points[i]})` : ""}`)
      .join("\n");
    fold.append(h("pre", {}, text));
  });
  return fold;
}

function statisticsBlock(tensor) {
  const s = tensor.statistics;
  const most = Math.max(...s.histogram, 1);
  const width = 6.5 * s.histogram.length,
    high = 56;
  const bars = s.histogram.map(
    (n, i) =>
      n > 0 &&
      svg(
        "rect",
        {x: i * 6.5, width: 5.5, y: high - (n / most) * high, height: (n / most) * high},
        svg(
          "title",
          {},
          `${grouped(n)} of ${grouped(s.count)} from ${short(s.min + (i * (s.max - s.min)) / s.histogram.length)}`,
        ),
      ),
  );
  return h(
    "div",
    {class: "statistics"},
    tensor.values
      ? h("pre", {}, tensor.values.join(", "))
      : [
          svg(
            "svg",
            {
              class: "histogram",
              width,
              height: high,
              viewBox: `0 0 ${width} ${high}`,
              role: "img",
              "aria-label": "Histogram",
            },
            bars,
          ),
          h(
            "p",
            {class: "ends", style: `width:${width}px`},
            h("span", {}, short(s.min)),
            h("span", {}, short(s.max)),
          ),
        ],
    h(
      "p",
      {},
      `min ${short(s.min)}, max ${short(s.max)}, mean ${short(s.mean)}, deviation ${short(s.std)}`,
      s.zeros > 0 && `, zeros ${percent(s.zeros, s.count)}`,
      s.not_finite > 0 && h("strong", {}, `, not finite: ${grouped(s.not_finite)}`),
    ),
  );
}
