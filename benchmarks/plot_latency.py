#!/usr/bin/env python3
"""Draws the results of compare_litert.py --json F as an SVG of bars.

usage: plot_latency.py RESULTS.json OUT.svg
"""

import json
import sys

OURS, THEIRS, TEXT, GRID = "#1f6f8b", "#c9c9c9", "#333333", "#e6e6e6"
ROW, BAR, LEFT, WIDTH = 44, 15, 330, 420


def label(ms):
    return f"{ms * 1000:.0f} µs" if ms < 1 else f"{ms:.1f} ms"


def main():
    with open(sys.argv[1]) as file:
        data = json.load(file)
    results = data["results"]
    height = 60 + ROW * len(results)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 150}" height="{height}" '
           f'font-family="sans-serif" font-size="12" fill="{TEXT}">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="10" y="20" font-weight="bold">Latency beside LiteRT, {data["threads"]} thread, '
           f'each pair scaled to its slower one (shorter is better)</text>',
           f'<rect x="10" y="30" width="10" height="10" fill="{OURS}"/><text x="25" y="39">edge_ml</text>',
           f'<rect x="90" y="30" width="10" height="10" fill="{THEIRS}"/><text x="105" y="39">LiteRT</text>',
           f'<text x="170" y="39" fill="#777777">{data["cpu"]}</text>']
    for i, r in enumerate(results):
        y = 55 + i * ROW
        ours, theirs = r["edge_ml_ms"]["median"], r["litert_ms"]["median"]
        longest = max(ours, theirs)
        name = r["model"].removesuffix(".tflite")
        name = name if len(name) <= 44 else name[:41] + "…"
        out.append(f'<line x1="10" y1="{y - 6}" x2="{LEFT + WIDTH + 140}" y2="{y - 6}" stroke="{GRID}"/>')
        out.append(f'<text x="10" y="{y + 19}">{name}</text>')
        for k, (value, color) in enumerate(((ours, OURS), (theirs, THEIRS))):
            length = WIDTH * value / longest
            top = y + k * (BAR + 1)
            out.append(f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR}" fill="{color}"/>')
            out.append(f'<text x="{LEFT + length + 6:.1f}" y="{top + 12}">{label(value)}</text>')
    out.append("</svg>")
    with open(sys.argv[2], "w") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
