#include "src/cli/inspect_html.h"

#include <algorithm>
#include <map>
#include <span>

#include "src/base/atomic_file.h"
#include "src/base/strings.h"
#include "src/cli/output.h"

namespace edgeml::cli {
namespace {

constexpr int kWidth = 190, kHeight = 44, kGapX = 24, kGapY = 34;

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += c;
        break;
      default:
        out += Printable({&c, 1});
    }
  }
  return out;
}

// A node of the drawing: an operator, an input or an output of the graph.
struct Box {
  std::string title, subtitle, hover, kind;
  int layer = 0, column = 0;
  int x() const { return kGapX + column * (kWidth + kGapX); }
  int y() const { return kGapY + layer * (kHeight + kGapY); }
};

class Drawing {
 public:
  Drawing(const Model& model, const Session* session) : model_(model), session_(session) {}

  void Build(const std::vector<NodeInfo>& nodes) {
    for (const int32_t i : model_.inputs()) {
      const TensorInfo t = Tensor(i);
      producer_[i] = static_cast<int>(boxes_.size());
      boxes_.push_back({t.name, Type(t), "input", "port", 0, 0});
    }
    for (const NodeInfo& node : nodes) AddNode(node);
    int last = 0;
    for (const Box& b : boxes_) last = std::max(last, b.layer);
    for (const int32_t i : model_.outputs()) {
      const TensorInfo t = Tensor(i);
      const int to = static_cast<int>(boxes_.size());
      boxes_.push_back({t.name, Type(t), "output", "port", last + 1, 0});
      if (const auto it = producer_.find(i); it != producer_.end())
        edges_.push_back({it->second, to});
    }
    // Side by side within a layer, in the order of the file.
    std::map<int, int> used;
    for (Box& b : boxes_) b.column = used[b.layer]++;
  }

  std::string Svg() const {
    int width = 0, height = 0;
    for (const Box& b : boxes_) {
      width = std::max(width, b.x() + kWidth + kGapX);
      height = std::max(height, b.y() + kHeight + kGapY);
    }
    std::string out = Concat("<svg width=\"", width, "\" height=\"", height, "\">\n");
    for (const auto& [from, to] : edges_) {
      const Box &a = boxes_[static_cast<size_t>(from)], &b = boxes_[static_cast<size_t>(to)];
      const int x0 = a.x() + kWidth / 2, y0 = a.y() + kHeight, x1 = b.x() + kWidth / 2, y1 = b.y();
      out += Concat("<path d=\"M", x0, " ", y0, " C", x0, " ", y0 + kGapY, " ", x1, " ", y1 - kGapY,
                    " ", x1, " ", y1, "\"/>\n");
    }
    for (const Box& b : boxes_) {
      out += Concat("<g class=\"", b.kind, "\"><title>", Escape(b.hover), "</title><rect x=\"",
                    b.x(), "\" y=\"", b.y(), "\" width=\"", kWidth, "\" height=\"", kHeight,
                    "\" rx=\"6\"/><text x=\"", b.x() + 8, "\" y=\"", b.y() + 18, "\">",
                    Escape(Short(b.title)), "</text><text class=\"sub\" x=\"", b.x() + 8, "\" y=\"",
                    b.y() + 35, "\">", Escape(Short(b.subtitle)), "</text></g>\n");
    }
    return out + "</svg>\n";
  }

 private:
  TensorInfo Tensor(int index) const {
    return session_ != nullptr ? session_->tensor_info(index) : model_.tensor(index);
  }
  static std::string Type(const TensorInfo& t) {
    return Concat(NameOf(t.dtype), " ", ShapeText(t.shape));
  }
  static std::string Short(const std::string& text) {
    return text.size() <= 28 ? text : "…" + text.substr(text.size() - 27);
  }

  void AddNode(const NodeInfo& node) {
    Box box;
    box.title = Concat(node.index, " ", node.op);
    box.hover = Concat(node.op, " (node ", node.index, ")\n", node.attributes, "\n");
    const int self = static_cast<int>(boxes_.size());
    bool computes = false;
    for (const int32_t t : node.inputs) {
      if (t < 0) continue;
      const TensorInfo info = Tensor(t);
      box.hover +=
          Concat(info.is_constant ? "constant " : "input ", info.name, " ", Type(info), "\n");
      computes = computes || info.is_constant;
      if (const auto it = producer_.find(t); it != producer_.end()) {
        box.layer = std::max(box.layer, boxes_[static_cast<size_t>(it->second)].layer + 1);
        edges_.push_back({it->second, self});
      }
    }
    for (const int32_t t : node.outputs) {
      if (t < 0) continue;
      const TensorInfo info = Tensor(t);
      if (box.subtitle.empty()) box.subtitle = Type(info);
      box.hover += Concat("output ", info.name, " ", Type(info), "\n");
      producer_[t] = self;
    }
    if (node.macs > 0) box.hover += Grouped(node.macs) + " MACs";
    box.kind = node.macs > 0 ? "heavy" : computes ? "light" : "plain";
    boxes_.push_back(std::move(box));
  }

  const Model& model_;
  const Session* session_;
  std::vector<Box> boxes_;
  std::vector<std::pair<int, int>> edges_;
  std::map<int32_t, int> producer_;  // tensor → box
};

constexpr std::string_view kStyle =
    "body{font:14px system-ui,sans-serif;margin:24px;color:#222;background:#fff}"
    "svg path{fill:none;stroke:#9aa4b2;stroke-width:1.3}"
    "svg rect{fill:#f3f5f8;stroke:#9aa4b2}"
    "svg .heavy rect{fill:#dbeafe;stroke:#3b82f6}svg .light rect{fill:#e7f6ec;stroke:#4aa96c}"
    "svg .port rect{fill:#fff5dd;stroke:#d8a22a}"
    "svg text{font-size:12.5px}svg .sub{font-size:11px;fill:#5b6472}"
    "@media(prefers-color-scheme:dark){body{background:#15181d;color:#e6e6e6}"
    "svg rect{fill:#22272e}svg .heavy rect{fill:#17315c}svg .light rect{fill:#183a26}"
    "svg .port rect{fill:#46391a}svg text{fill:#e6e6e6}svg .sub{fill:#a9b2bf}}";

}  // namespace

Status WriteGraphPage(const std::string& path, const std::string& title, const Model& model,
                      const Session* session, const std::vector<NodeInfo>& nodes) {
  Drawing drawing(model, session);
  drawing.Build(nodes);
  const std::string page =
      Concat("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>", Escape(title),
             "</title><style>", kStyle, "</style>\n<h1>", Escape(title), "</h1>\n<p>",
             Grouped(static_cast<int64_t>(model.file_bytes())), " bytes, ", nodes.size(),
             " nodes. Blue: most of the arithmetic; green: with constants; yellow: inputs and "
             "outputs. Point at a node for its details.</p>\n",
             drawing.Svg(), "</html>\n");
  return WriteFileAtomically(path, std::as_bytes(std::span(page)));
}

}  // namespace edgeml::cli
