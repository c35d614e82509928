"use strict";
// The list of nodes beside the graph, the table of nodes and the table of operators.

const MOST_ROWS_LISTED = 3000;

// All nodes, or those a search found, as buttons.
function fillList(list, graph, found, on) {
  const nodes = found === null ? graph.nodes.map((_, n) => n) : found;
  const rows = nodes.slice(0, MOST_ROWS_LISTED).map((n) => {
    const node = graph.nodes[n];
    const output = node.outputs.find((t) => t >= 0);
    const bar =
      graph.mostMacs > 0 && node.macs > 0
        ? h("i", {class: "bar", style: `width:${((100 * node.macs) / graph.mostMacs).toFixed(1)}%`})
        : null;
    return h(
      "li",
      {},
      h(
        "button",
        {"data-node": n, class: kindOf(node), onclick: () => on.select({node: n})},
        h("span", {class: "index"}, String(n)),
        h("span", {class: "op"}, node.op),
        h("span", {class: "shape"}, output === undefined ? "" : shapeText(graph.tensors[output].shape)),
        bar,
      ),
    );
  });
  replace(list, rows);
  if (nodes.length > MOST_ROWS_LISTED)
    list.append(
      h("li", {class: "note"}, `… and ${grouped(nodes.length - MOST_ROWS_LISTED)} more: search to narrow`),
    );
}

// Columns: [heading, text of a row, number to sort by or null for text]. Sorts on a click.
function sortableTable(columns, rows, cell) {
  const body = h("tbody", {});
  let order = null,
    sign = 1;
  const fillBody = () => {
    const sorted = rows.slice();
    if (order !== null) {
      const [, text, number] = columns[order];
      const key = number || ((row) => text(row).toLowerCase());
      sorted.sort((a, b) => (key(a) < key(b) ? -sign : key(a) > key(b) ? sign : 0));
    }
    replace(
      body,
      sorted.map((row) =>
        h(
          "tr",
          {},
          columns.map(([, text, number], c) =>
            h("td", {class: number ? "number" : ""}, cell(row, c) || text(row)),
          ),
        ),
      ),
    );
  };
  const heads = columns.map(([title, , number], c) =>
    h(
      "th",
      {class: number ? "number" : ""},
      h(
        "button",
        {
          onclick: () => {
            sign = order === c ? -sign : number ? -1 : 1;
            order = c;
            heads.forEach((head, i) =>
              head.setAttribute("aria-sort", i !== c ? "none" : sign > 0 ? "ascending" : "descending"),
            );
            fillBody();
          },
        },
        title,
      ),
    ),
  );
  fillBody();
  return h("table", {}, h("thead", {}, h("tr", {}, heads)), body);
}

function nodesTable(graph, on) {
  const outputOf = (n) => {
    const t = graph.nodes[n].outputs.find((o) => o >= 0);
    return t === undefined ? null : graph.tensors[t];
  };
  const macs = (n) => Math.max(0, graph.nodes[n].macs);
  const columns = [
    ["#", (n) => String(n), (n) => n],
    ["op", (n) => graph.nodes[n].op, null],
    ["output", (n) => (outputOf(n) ? shapeText(outputOf(n).shape) : ""), null],
    ["type", (n) => (outputOf(n) ? outputOf(n).dtype : ""), null],
    [
      "parameters",
      (n) => (graph.nodes[n].parameters > 0 ? grouped(graph.nodes[n].parameters) : ""),
      (n) => graph.nodes[n].parameters,
    ],
    ["MACs", (n) => (macs(n) > 0 ? grouped(macs(n)) : ""), macs],
    ["share", (n) => percent(macs(n), graph.macs), macs],
    ["kernel", (n) => graph.nodes[n].kernel || "", null],
  ];
  const rows = graph.nodes.slice(0, 20000).map((_, n) => n);
  return sortableTable(columns, rows, (n, c) => (c === 1 ? on.link({node: n}, graph.nodes[n].op) : null));
}

function operatorsTable(graph, on) {
  const sums = new Map();
  graph.nodes.forEach((node) => {
    const sum = sums.get(node.op) || {
      op: node.op,
      kind: kindOf(node),
      count: 0,
      macs: 0,
      parameters: 0,
      bytes: 0,
    };
    sum.count += 1;
    sum.macs += Math.max(0, node.macs);
    sum.parameters += node.parameters;
    for (const t of new Set(node.inputs))
      if (t >= 0 && graph.tensors[t].constant) sum.bytes += graph.tensors[t].bytes;
    sums.set(node.op, sum);
  });
  const columns = [
    ["op", (s) => s.op, null],
    ["nodes", (s) => grouped(s.count), (s) => s.count],
    ["MACs", (s) => (s.macs > 0 ? grouped(s.macs) : ""), (s) => s.macs],
    ["share", (s) => percent(s.macs, graph.macs), (s) => s.macs],
    ["parameters", (s) => (s.parameters > 0 ? grouped(s.parameters) : ""), (s) => s.parameters],
    ["constants", (s) => (s.bytes > 0 ? bytesText(s.bytes) : ""), (s) => s.bytes],
  ];
  const rows = [...sums.values()].sort((a, b) => b.macs - a.macs || b.count - a.count);
  return sortableTable(columns, rows, (s, c) => {
    if (c === 0) return h("button", {class: "link", onclick: () => on.search(`op:${s.op}`)}, s.op);
    if (c === 3 && s.macs > 0)
      return [
        percent(s.macs, graph.macs),
        h("i", {class: "bar", style: `width:${((60 * s.macs) / graph.macs).toFixed(1)}px`}),
      ];
    return null;
  });
}
