// Operations on images: pools, resizing, blocks of pixels.
#include "src/base/strings.h"
#include "src/formats/keras/layers/operations.h"

namespace edgeml::keras {
namespace {

using ir::OpCode;

std::string List(const std::vector<int32_t>& values) {
  std::string out;
  for (const int32_t v : values) out += Concat(out.empty() ? "[" : ", ", v);
  return out + "]";
}

// Pools, by the layers of that name. Sizes may be stated for batch and channels too.
void Pool(Operands& o, const char* kind) {
  const int32_t x = o.X();
  const int dims = o.e.rank(x) - 2;
  if (!o.e.ok()) return;
  if (dims < 1 || dims > 3) return o.Unsupported(Concat("a pool of rank ", dims + 2));
  const auto sizes = [&](Names names, std::vector<int32_t> or_else) {
    std::vector<int32_t> given = o.Ints(names).value_or(or_else);
    if (given.size() == static_cast<size_t>(dims) + 2) given = {given.begin() + 1, given.end() - 1};
    if (given.size() == 1) given.resize(static_cast<size_t>(dims), given[0]);
    return given;
  };
  const auto size = sizes({"pool_size", "ksize"}, {2});
  const auto strides = sizes({"strides"}, size);
  const std::string padding = o.Text({"padding"}, "valid");
  std::string order = o.Text({"data_format"}, "channels_last");
  if (order.starts_with("NC")) order = "channels_first";
  if (order.starts_with("N")) order = "channels_last";
  const bool same = padding == "same" || padding == "SAME";
  if (order != "channels_first" && order != "channels_last")
    return o.Unsupported(Concat("data_format '", order, "'"));
  const std::string config =
      Concat("{\"pool_size\": ", List(size), ", \"strides\": ", List(strides), ", \"padding\": \"",
             same ? "same" : "valid", "\", \"data_format\": \"", order, "\"}");
  const std::string name = Concat(kind, "Pooling", dims, "D");
  o.Return(o.AsLayer(name.c_str(), config, x));
}

void Resize(Operands& o) {
  const int32_t x = o.X();
  const auto size = o.Ints({"size"}, 1);
  const std::string how = o.Text({"interpolation", "method"}, "bilinear");
  const bool antialias = o.Flag({"antialias"}, false);
  const bool crop = o.Flag({"crop_to_aspect_ratio"}, false);
  const bool pad = o.Flag({"pad_to_aspect_ratio", "preserve_aspect_ratio"}, false);
  (void)o.Text({"fill_mode"}, "");
  const double fill = o.Number({"fill_value"}, 0);
  const std::string order = o.Text({"data_format"}, "channels_last");
  if (!o.e.ok()) return;
  if (!size || size->size() != 2) return o.Unsupported("a size that is only known at run time");
  if (how != "bilinear" && how != "nearest")
    return o.Unsupported(Concat("the interpolation '", how, "'"));
  const auto text = [](bool flag) { return flag ? "true" : "false"; };
  o.Return(o.AsLayer(
      "Resizing",
      Concat("{\"height\": ", (*size)[0], ", \"width\": ", (*size)[1], ", \"interpolation\": \"",
             how, "\", \"antialias\": ", text(antialias), ", \"crop_to_aspect_ratio\": ",
             text(crop), ", \"pad_to_aspect_ratio\": ", text(pad), ", \"fill_value\": ", fill,
             ", \"data_format\": \"", order == "channels_first" ? order : "channels_last", "\"}"),
      x));
}

template <OpCode kOp>
void Blocks(Operands& o) {
  const int32_t x = o.X();
  const auto size = static_cast<int32_t>(o.Int({"block_size"}, 2, 1));
  const std::string order = o.Text({"data_format"}, "NHWC");
  if (order != "NHWC" && order != "channels_last")
    return o.Unsupported(Concat("data_format '", order, "'"));
  o.Return(o.e.Op(kOp, {x}, ir::BlockAttrs{size}));
}

constexpr Operation kOperations[] = {
    {"average_pool", [](Operands& o) { Pool(o, "Average"); }},
    {"avg_pool", [](Operands& o) { Pool(o, "Average"); }},
    {"avg_pool1d", [](Operands& o) { Pool(o, "Average"); }},
    {"avg_pool2d", [](Operands& o) { Pool(o, "Average"); }},
    {"depth_to_space", Blocks<OpCode::kDepthToSpace>},
    {"max_pool", [](Operands& o) { Pool(o, "Max"); }},
    {"max_pool1d", [](Operands& o) { Pool(o, "Max"); }},
    {"max_pool2d", [](Operands& o) { Pool(o, "Max"); }},
    {"resize", Resize},
    {"space_to_depth", Blocks<OpCode::kSpaceToDepth>},
};

}  // namespace

std::span<const Operation> ImageOperations() { return kOperations; }

}  // namespace edgeml::keras
