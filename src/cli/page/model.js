"use strict";
// The model as `edgeml inspect --json` states it, with what follows from it.

// Which kind of operator, for colours.
const KINDS = [
  [
    "heavy",
    /^(DEPTHWISE_CONV|CONV_|TRANSPOSE_CONV|FULLY_CONNECTED|BATCH_MATMUL|SVDF|STABLEHLO_(DOT|CONV))|LSTM|RNN|GRU/,
  ],
  ["activation", /^(RELU|PRELU|LEAKY_RELU|ELU|GELU|LOGISTIC|TANH|HARD_SWISH|SOFTMAX|LOG_SOFTMAX)/],
  ["pool", /POOL|^(MEAN|SUM|REDUCE_|ARG_M|CUMSUM|TOPK)/],
  ["convert", /QUANT|^(CAST|BITCAST|DENSIFY)$/],
  [
    "control",
    /^(IF|WHILE|CASE|CALL|CALL_ONCE|VAR_HANDLE|READ_VARIABLE|ASSIGN_VARIABLE|HASHTABLE.*|STABLEHLO_(WHILE|CASE|COMPOSITE))$/,
  ],
  [
    "move",
    /RESHAPE|TRANSPOSE|CONCAT|PAD|SLICE|SPLIT|GATHER|SCATTER|PACK|SQUEEZE|EXPAND_DIMS|TILE|SHAPE|FILL|SPACE_TO|_TO_SPACE|TO_DEPTH|REVERSE|BROADCAST|RESIZE|RANGE|WHERE|ONE_HOT|RANK|SELECT|LOOKUP/,
  ],
];

// What the inputs of an operator are called.
const ROLES = {
  CONV_2D: ["input", "filter", "bias"],
  DEPTHWISE_CONV_2D: ["input", "filter", "bias"],
  CONV_3D: ["input", "filter", "bias"],
  FULLY_CONNECTED: ["input", "weights", "bias"],
  TRANSPOSE_CONV: ["output shape", "filter", "input", "bias"],
  CONV_3D_TRANSPOSE: ["output shape", "filter", "input", "bias"],
  PRELU: ["input", "alpha"],
  RESHAPE: ["input", "shape"],
  TRANSPOSE: ["input", "permutation"],
  PAD: ["input", "paddings"],
  PADV2: ["input", "paddings", "value"],
  MIRROR_PAD: ["input", "paddings"],
  SLICE: ["input", "begin", "size"],
  STRIDED_SLICE: ["input", "begin", "end", "strides"],
  GATHER: ["input", "indices"],
  GATHER_ND: ["input", "indices"],
  MEAN: ["input", "axes"],
  SUM: ["input", "axes"],
  REDUCE_MAX: ["input", "axes"],
  REDUCE_MIN: ["input", "axes"],
  REDUCE_PROD: ["input", "axes"],
  ARG_MAX: ["input", "axis"],
  ARG_MIN: ["input", "axis"],
  SPLIT: ["axis", "input"],
  SPLIT_V: ["input", "sizes", "axis"],
  RESIZE_BILINEAR: ["input", "size"],
  RESIZE_NEAREST_NEIGHBOR: ["input", "size"],
  EXPAND_DIMS: ["input", "axis"],
  TILE: ["input", "multiples"],
  SVDF: ["input", "feature weights", "time weights", "bias", "state"],
  EMBEDDING_LOOKUP: ["indices", "table"],
  ONE_HOT: ["indices", "depth", "on", "off"],
  TOPK_V2: ["input", "k"],
  SELECT: ["condition", "then", "else"],
  SELECT_V2: ["condition", "then", "else"],
};

class Graph {
  constructor(json) {
    this.json = json;
    this.number = json.subgraph;
    this.name = json.name;
    this.nodes = json.nodes;
    this.tensors = json.tensors;
    this.inputs = json.inputs.map((t) => t.index);
    this.outputs = json.outputs.map((t) => t.index);
    this.macs = json.macs || 0;
    this.mostMacs = this.nodes.reduce((most, n) => Math.max(most, n.macs), 0);
    this.plan = json.plan || null;
    this.producer = new Map(); // tensor → node
    this.consumers = new Map(); // tensor → [node]
    this.nodes.forEach((node, n) => {
      for (const t of node.outputs) if (t >= 0) this.producer.set(t, n);
      for (const t of new Set(node.inputs)) {
        if (t < 0) continue;
        if (!this.consumers.has(t)) this.consumers.set(t, []);
        this.consumers.get(t).push(n);
      }
    });
    this.placement = new Map(); // tensor → entry of the plan
    for (const entry of this.plan || []) if (entry.tensor >= 0) this.placement.set(entry.tensor, entry);
    this.texts = new Array(this.nodes.length);
  }

  // Nodes that give node n its inputs, and those that take its outputs; in the order of the ports.
  before(n) {
    return [
      ...new Set(this.nodes[n].inputs.filter((t) => this.producer.has(t)).map((t) => this.producer.get(t))),
    ];
  }
  after(n) {
    return [...new Set(this.nodes[n].outputs.flatMap((t) => this.consumers.get(t) || []))];
  }

  constants(node) {
    return node.inputs.map((t, i) => [t, i]).filter(([t]) => t >= 0 && this.tensors[t].constant);
  }

  // Bytes of the arena in use at each step, each byte counted once where tensors share.
  aliveBytes() {
    const alive = new Float64Array(this.nodes.length + 1);
    const starts = new Map(),
      ends = new Map();
    const put = (map, step, entry) => {
      if (!map.has(step)) map.set(step, []);
      map.get(step).push(entry);
    };
    let lifetimes = 0;
    for (const entry of this.plan || []) {
      lifetimes += entry.last - entry.first + 1;
      put(starts, Math.max(0, entry.first), entry);
      put(ends, Math.min(this.nodes.length, entry.last), entry);
    }
    if (lifetimes > 2e6) return null; // not a real network
    const current = new Set();
    for (let step = 0; step <= this.nodes.length; ++step) {
      for (const entry of starts.get(step) || []) current.add(entry);
      alive[step] = coveredBytes([...current]);
      for (const entry of ends.get(step) || []) current.delete(entry);
    }
    return alive;
  }

  // What a search looks through, in lower case: one string per field.
  searchText(n) {
    if (this.texts[n]) return this.texts[n];
    const node = this.nodes[n];
    const tensors = [...node.inputs, ...node.outputs].filter((t) => t >= 0).map((t) => this.tensors[t]);
    const fields = {
      op: node.op,
      name: tensors.map((t) => t.name).join("\n"),
      shape: tensors.map((t) => `[${shapeText(t.shape)}]`).join(" "),
      dtype: tensors.map((t) => t.dtype).join(" "),
      kernel: node.kernel || "",
      attribute: node.attributes,
    };
    for (const key of Object.keys(fields)) fields[key] = fields[key].toLowerCase();
    return (this.texts[n] = {...fields, all: `#${n} ${Object.values(fields).join("\n")}`});
  }

  // The nodes that a query finds: every word must occur, op:, name:, shape:, dtype:, kernel: and
  // attribute: bind a word to a field. Null for an empty query.
  search(query) {
    const wordsOf = (text) =>
      text
        .split(/\s+/)
        .filter(Boolean)
        .map((word) => {
          const bound = /^(op|name|shape|dtype|kernel|attribute):(.+)$/.exec(word);
          return bound ? [bound[1], bound[2]] : ["all", word];
        });
    const plain = query.toLowerCase();
    if (plain.trim() === "") return null;
    const forms = [wordsOf(plain), wordsOf(normalizeShapes(plain))];
    return this.nodes
      .map((_, n) => n)
      .filter((n) => {
        const text = this.searchText(n);
        return forms.some((words) => words.every(([field, word]) => text[field].includes(word)));
      });
  }
}

// "1, 224,224 , 3", "1x224" and "1×224" are one way to write a shape.
function normalizeShapes(query) {
  return query.replace(/(?<=\d|\?)\s*[,x×*]\s*(?=\d|\?)/g, "×").replace(/-1(?=×|\])/g, "?");
}

function coveredBytes(entries) {
  entries.sort((a, b) => a.offset - b.offset);
  let covered = 0,
    end = 0;
  for (const {offset, bytes} of entries) {
    covered += Math.max(0, offset + bytes - Math.max(end, offset));
    end = Math.max(end, offset + bytes);
  }
  return covered;
}

function kindOf(node) {
  if (node.custom) return "custom";
  const found = KINDS.find(([, pattern]) => pattern.test(node.op));
  return found ? found[0] : "math";
}

const roleOf = (node, i) => (ROLES[node.op] && ROLES[node.op][i]) || "";

// The graphs that a node calls: [[how, number]], from attributes such as body_subgraph.
function calledGraphs(node) {
  return Object.entries(node.attribute_values)
    .filter(([name]) => /_subgraphs?$/.test(name))
    .flatMap(([name, value]) =>
      (value.match(/\d+/g) || []).map((g) => [name.replace(/_subgraphs?$/, ""), Number(g)]),
    );
}

function fusedActivation(node) {
  const activation = node.attribute_values.activation;
  return activation && activation !== "NONE" ? activation : null;
}
