"use strict";
// Making elements and text. Whatever comes from the model reaches the page as a text node or an
// attribute's value, never as markup.

// h("a", {class: "x", onclick: f}, "text", element, null, [more]): an element.
function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// The same in SVG.
function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

function replace(element, ...children) {
  element.textContent = "";
  append(element, children);
}

// A name from the file: isolated, so that right-to-left characters do not reorder what is around.
const nameElement = (name) => h("bdi", {class: "name"}, name);

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const plural = (n, word) => `${grouped(n)} ${word}${n === 1 ? "" : "s"}`;

// 301 M, 12.3 k; below a thousand as it is.
function scaled(value) {
  const prefixes = ["", "k", "M", "G", "T", "P", "E"];
  let step = 0;
  while (value >= 999.5 && step + 1 < prefixes.length) {
    value /= 1000;
    ++step;
  }
  const digits = step === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${prefixes[step]}`;
}
const bytesText = (n) => `${scaled(n)}B`.replace("kB", "KB");

function percent(part, whole) {
  if (!(whole > 0) || !(part > 0)) return "";
  const p = (100 * part) / whole;
  return p < 0.1 ? "< 0.1 %" : `${p.toFixed(1)} %`;
}

// Four significant digits, without a tail of zeros.
function short(value) {
  if (value === null) return "?";
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(4)));
}

const shapeText = (shape) => (shape.length === 0 ? "scalar" : shape.map((d) => (d < 0 ? "?" : d)).join("×"));
const typeText = (tensor) => `${tensor.dtype} ${shapeText(tensor.shape)}`;
const clip = (text, length) => (text.length <= length ? text : text.slice(0, length - 1) + "…");

function quantizationText(tensor) {
  const q = tensor.quantization;
  if (!q) return "";
  if (q.scales.length === 1) return `scale ${short(q.scales[0])}, zero point ${q.zero_points[0] ?? 0}`;
  return `${grouped(q.scales.length)} scales along dimension ${q.dimension}`;
}

// The real numbers that a tensor quantized per tensor can hold; "" for others.
function realRangeText(tensor) {
  const limits = {int8: [-128, 127], uint8: [0, 255], int16: [-32768, 32767], int4: [-8, 7], int2: [-2, 1]};
  const q = tensor.quantization,
    range = limits[tensor.dtype];
  if (!q || q.scales.length !== 1 || !range) return "";
  return range.map((v) => short((v - (q.zero_points[0] ?? 0)) * q.scales[0])).join(" … ");
}
