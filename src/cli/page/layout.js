"use strict";
// A layered drawing of a directed graph, after Sugiyama, Tagawa and Toda (1981): layers by longest
// path, long edges routed through points of their own, order in the layers by barycenters, positions
// by least squares. Each pass costs time linear in vertices, edges and route points (times the
// logarithm of a layer's size), and the number of passes is fixed.

const LAYER_GAP = 40;
const VERTEX_GAP = 26;
const ROUTE_GAP = 14;
const MAX_ROUTE_POINTS = 40000; // edges beyond that, longest first, are drawn without a route
const ORDER_ROUNDS = 10;
const PLACE_ROUNDS = 24;

// `sizes`: {width, height} of each vertex. `edges`: [from, to], without doubles; those that do not
// lead from a smaller to a larger number are left out.
function layoutGraph(sizes, edges) {
  const count = sizes.length;
  const outs = Array.from({length: count}, () => []);
  const ins = Array.from({length: count}, () => []);
  for (const [from, to] of edges) {
    if (from >= to) continue;
    outs[from].push(to);
    ins[to].push(from);
  }
  const drawing = {count, sizes, outs, ins, layer: assignLayers(outs, ins)};
  routeEdges(drawing);
  orderLayers(drawing);
  placeItems(drawing);
  return drawing;
}

// Longest path from the sources; then what feeds more than it is fed moves down to its first
// consumer, so that the edges of constants' converters and of states are short.
function assignLayers(outs, ins) {
  const layer = new Array(outs.length).fill(0);
  outs.forEach((targets, v) => {
    for (const w of targets) layer[w] = Math.max(layer[w], layer[v] + 1);
  });
  for (let v = outs.length - 1; v >= 0; --v) {
    if (outs[v].length <= ins[v].length) continue;
    const first = outs[v].reduce((least, w) => Math.min(least, layer[w]), Infinity);
    layer[v] = Math.max(layer[v], first - 1);
  }
  const used = [...new Set(layer)].sort((a, b) => a - b);
  const rank = new Map(used.map((l, i) => [l, i]));
  return layer.map((l) => rank.get(l));
}

// Items are the vertices and then the route points. All edges of a vertex share one chain of route
// points: the point of layer l is chain[v] + l - layer[v] - 1.
function routeEdges(drawing) {
  const {count, outs, layer} = drawing;
  const reach = outs.map((targets, v) => targets.reduce((most, w) => Math.max(most, layer[w]), layer[v]));
  const span = (v) => Math.max(0, reach[v] - layer[v] - 1);
  let points = reach.reduce((sum, _, v) => sum + span(v), 0);
  const routed = new Array(count).fill(true);
  if (points > MAX_ROUTE_POINTS) {
    const longest = reach.map((_, v) => v).sort((a, b) => span(b) - span(a));
    for (const v of longest) {
      if (points <= MAX_ROUTE_POINTS) break;
      routed[v] = false;
      points -= span(v);
    }
  }
  const up = Array.from({length: count}, () => []),
    down = Array.from({length: count}, () => []);
  const link = (a, b) => {
    down[a].push(b);
    up[b].push(a);
  };
  const chain = new Array(count).fill(-1);
  drawing.layer = layer.slice();
  drawing.unrouted = [];
  outs.forEach((targets, v) => {
    if (routed[v] && span(v) > 0) {
      chain[v] = down.length;
      for (let l = layer[v] + 1; l < reach[v]; ++l) {
        const item = down.length;
        down.push([]);
        up.push([]);
        drawing.layer.push(l);
        link(l === layer[v] + 1 ? v : item - 1, item);
      }
    }
    for (const w of targets) {
      const before = layer[w] - layer[v] - 2; // which point of the chain stands above w
      if (before < 0) link(v, w);
      else if (routed[v]) link(chain[v] + before, w);
      else drawing.unrouted.push([v, w]);
    }
  });
  Object.assign(drawing, {chain, up, down});
}

// The items that an edge passes, both ends included; just the ends when it has no route.
function edgeItems(drawing, v, w) {
  const items = [v];
  const between = drawing.layer[w] - drawing.layer[v] - 1;
  if (drawing.chain[v] >= 0) {
    for (let i = 0; i < between; ++i) items.push(drawing.chain[v] + i);
  }
  items.push(w);
  return items;
}

function orderLayers(drawing) {
  const {down, up, layer} = drawing;
  const layers = [];
  for (const l of layer) while (layers.length <= l) layers.push([]);
  // At first by depth-first search, which keeps trees free of crossings.
  const seen = new Uint8Array(down.length);
  for (let root = 0; root < down.length; ++root) {
    if (up[root].length > 0 || seen[root]) continue;
    const stack = [root];
    while (stack.length > 0) {
      const item = stack.pop();
      if (seen[item]) continue;
      seen[item] = 1;
      layers[layer[item]].push(item);
      for (let i = down[item].length - 1; i >= 0; --i) stack.push(down[item][i]);
    }
  }
  const position = new Float64Array(down.length);
  const number = (items) =>
    items.forEach((item, i) => {
      position[item] = i;
    });
  layers.forEach(number);
  const key = new Float64Array(down.length);
  const sortBy = (neighbours) => (items) => {
    if (items.length < 2) return;
    for (const item of items) {
      const list = neighbours[item];
      let sum = 0;
      for (const other of list) sum += position[other];
      key[item] = list.length > 0 ? sum / list.length : position[item];
    }
    items.sort((a, b) => key[a] - key[b] || position[a] - position[b]);
    number(items);
  };
  let best = layers.map((items) => items.slice());
  let least = countCrossings(layers, down, position);
  for (let round = 0; round < ORDER_ROUNDS && least > 0; ++round) {
    layers.forEach(sortBy(up));
    for (let l = layers.length - 1; l >= 0; --l) sortBy(down)(layers[l]);
    const crossings = countCrossings(layers, down, position);
    if (crossings < least) {
      least = crossings;
      best = layers.map((items) => items.slice());
    }
  }
  drawing.layers = best;
}

// Pairs of segments between neighbouring layers that cross: inversions, counted with a Fenwick tree.
function countCrossings(layers, down, position) {
  let crossings = 0;
  for (let l = 0; l + 1 < layers.length; ++l) {
    const size = layers[l + 1].length;
    if (size < 2 || layers[l].length < 2) continue;
    const tree = new Float64Array(size + 1);
    let inserted = 0;
    for (const item of layers[l]) {
      const ends = down[item].map((other) => position[other]);
      for (const end of ends) {
        let before = 0;
        for (let i = end + 1; i > 0; i -= i & -i) before += tree[i];
        crossings += inserted - before;
      }
      for (const end of ends) {
        for (let i = end + 1; i <= size; i += i & -i) ++tree[i];
        ++inserted;
      }
    }
  }
  return crossings;
}

function placeItems(drawing) {
  const {count, sizes, layers, up, down} = drawing;
  const half = (item) => (item < count ? sizes[item].width / 2 : 0);
  const gap = (a, b) => half(a) + half(b) + (a < count && b < count ? VERTEX_GAP : ROUTE_GAP);
  // Long edges should be straight before all.
  const pull = (a, b) => (a < count ? 1 : 5) * (b < count ? 1 : 5);
  const x = new Float64Array(down.length);
  for (const items of layers) {
    for (let i = 1; i < items.length; ++i) x[items[i]] = x[items[i - 1]] + gap(items[i - 1], items[i]);
    const middle = items.length > 0 ? x[items[items.length - 1]] / 2 : 0;
    for (const item of items) x[item] -= middle;
  }
  const settle = (items, ...directions) => {
    const wanted = [],
      weights = [];
    for (const item of items) {
      let sum = 0,
        weight = 0;
      for (const neighbours of directions) {
        for (const other of neighbours[item]) {
          const w = pull(item, other);
          sum += w * x[other];
          weight += w;
        }
      }
      wanted.push(weight > 0 ? sum / weight : x[item]);
      weights.push(weight > 0 ? weight : 0.01);
    }
    spread(items, wanted, weights, gap, x);
  };
  for (let round = 0; round < PLACE_ROUNDS; ++round) {
    for (const items of layers) settle(items, up);
    for (let l = layers.length - 1; l >= 0; --l) settle(layers[l], down);
  }
  for (let round = 0; round < 3; ++round) {
    for (const items of layers) settle(items, up, down);
  }
  straighten(drawing, gap, x);

  let left = Infinity,
    right = -Infinity;
  for (let item = 0; item < down.length; ++item) {
    left = Math.min(left, x[item] - half(item));
    right = Math.max(right, x[item] + half(item));
  }
  for (let item = 0; item < down.length; ++item) x[item] += VERTEX_GAP - left;
  const tops = [],
    bottoms = [];
  let y = LAYER_GAP / 2;
  for (const items of layers) {
    tops.push(y);
    for (const item of items) if (item < count) y = Math.max(y, tops[tops.length - 1] + sizes[item].height);
    bottoms.push(y);
    y += LAYER_GAP;
  }
  drawing.x = x;
  drawing.tops = tops;
  drawing.bottoms = bottoms;
  drawing.width = count > 0 ? right - left + 2 * VERTEX_GAP : 0;
  drawing.height = y;
  drawing.ports = assignPorts(drawing);
}

// x[items[i]] nearest to wanted[i] in the sense of weighted least squares, at least gap(…) apart and
// in order: isotonic regression by pooling neighbours that are out of order.
function spread(items, wanted, weights, gap, x) {
  const offsets = [0];
  for (let i = 1; i < items.length; ++i) offsets.push(offsets[i - 1] + gap(items[i - 1], items[i]));
  const blocks = [];
  for (let i = 0; i < items.length; ++i) {
    let block = {sum: weights[i] * (wanted[i] - offsets[i]), weight: weights[i], size: 1};
    while (blocks.length > 0) {
      const last = blocks[blocks.length - 1];
      if (last.sum / last.weight <= block.sum / block.weight) break;
      blocks.pop();
      block = {sum: last.sum + block.sum, weight: last.weight + block.weight, size: last.size + block.size};
    }
    blocks.push(block);
  }
  let i = 0;
  for (const block of blocks) {
    for (let n = 0; n < block.size; ++n, ++i) x[items[i]] = block.sum / block.weight + offsets[i];
  }
}

// Makes runs (route points of one vertex; vertices and route points with one edge in and one out)
// vertical as far as the neighbours in their layers leave room, longest runs first.
function straighten(drawing, gap, x) {
  const {count, layers, up, down} = drawing;
  const follows = new Int32Array(down.length).fill(-1);
  const inside = new Uint8Array(down.length); // not the first of its run
  down.forEach((below, item) => {
    const point = item >= count ? below.find((other) => other >= count) : undefined;
    const next =
      point !== undefined ? point : below.length === 1 && up[below[0]].length === 1 ? below[0] : -1;
    follows[item] = next;
    if (next >= 0) inside[next] = 1;
  });
  const runs = [];
  for (let item = 0; item < down.length; ++item) {
    if (inside[item] || follows[item] < 0) continue;
    const run = [];
    for (let i = item; i >= 0; i = follows[i]) run.push(i);
    runs.push(run);
  }
  runs.sort((a, b) => b.length - a.length);
  const left = new Int32Array(down.length).fill(-1),
    right = new Int32Array(down.length).fill(-1);
  for (const items of layers) {
    for (let i = 1; i < items.length; ++i) {
      left[items[i]] = items[i - 1];
      right[items[i - 1]] = items[i];
    }
  }
  const least = (item) => (left[item] < 0 ? -Infinity : x[left[item]] + gap(left[item], item));
  const most = (item) => (right[item] < 0 ? Infinity : x[right[item]] - gap(item, right[item]));
  for (let round = 0; round < 2; ++round) {
    for (const run of runs) {
      for (let begin = 0; begin < run.length;) {
        let low = -Infinity,
          high = Infinity,
          sum = 0,
          end = begin;
        for (; end < run.length; ++end) {
          const l = Math.max(low, least(run[end])),
            h = Math.min(high, most(run[end]));
          if (l > h) break;
          low = l;
          high = h;
          sum += x[run[end]];
        }
        if (end === begin)
          ++end; // squeezed by rounding: stays where it is
        else for (let i = begin; i < end; ++i) x[run[i]] = Math.min(high, Math.max(low, sum / (end - begin)));
        begin = end;
      }
    }
  }
}

// Where edges end on a vertex: a map from the item above to an offset from the vertex's middle, so
// that the arrows of several inputs stand side by side in the order of where they come from.
function assignPorts(drawing) {
  const {count, sizes, up, x} = drawing;
  const ports = [];
  for (let v = 0; v < count; ++v) {
    const above = up[v].slice().sort((a, b) => x[a] - x[b]);
    const step = above.length > 1 ? Math.min(16, (sizes[v].width - 20) / (above.length - 1)) : 0;
    ports.push(new Map(above.map((item, i) => [item, (i - (above.length - 1) / 2) * step])));
  }
  return ports;
}
