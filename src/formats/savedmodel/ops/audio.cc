// Spectrograms of sound: custom operators that LiteRT brings.
#include <bit>
#include <limits>

#include "src/base/flex_writer.h"
#include "src/base/strings.h"
#include "src/formats/savedmodel/op.h"

namespace edgeml::savedmodel {
namespace {

Status EmitCustom(Op& op, const std::map<std::string, FlexValue>& options, const Shape& shape) {
  ir::OpaqueAttrs attrs;
  attrs.name = op.node.op;
  attrs.custom_options = WriteFlexMap(options);
  EDGEML_ASSIGN_OR_RETURN(std::vector<int32_t> made,
                          op.b.Add(ir::OpCode::kCustom, op.in, std::move(attrs),
                                   {{DType::kFloat32, op.node.name, shape, {}}}));
  return op.ReturnAll(std::move(made));
}

// [samples, channels] → [channels, windows, frequencies]. The window is padded to a power of two.
Status LowerSpectrogram(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(1));
  const int64_t window = op.attrs.Int("window_size", 0), stride = op.attrs.Int("stride", 0);
  const bool squared = op.attrs.Bool("magnitude_squared", false);
  constexpr int64_t kMost = 1 << 24;
  if (window < 2 || window > kMost || stride < 1 || stride > kMost || op.rank(0) != 2)
    return Error(Code::kInvalidModel, "a window of ", window, " and a stride of ", stride,
                 " on an input of ", op.rank(0), " dimensions");
  const int32_t samples = op.shape(0)[0];
  Shape out{op.shape(0)[1], kUnknownDim, 0};
  if (samples != kUnknownDim)
    out[1] = samples < window ? 0 : static_cast<int32_t>(1 + (samples - window) / stride);
  out[2] = static_cast<int32_t>(std::bit_ceil(static_cast<uint64_t>(window)) / 2 + 1);
  return EmitCustom(
      op, {{"magnitude_squared", squared}, {"stride", stride}, {"window_size", window}}, out);
}

// Spectrogram [channels, windows, frequencies] and sample rate → [channels, windows, coefficients].
Status LowerMfcc(Op& op) {
  EDGEML_RETURN_IF_ERROR(op.ExpectInputs(2));
  const int64_t coefficients = op.attrs.Int("dct_coefficient_count", 13);
  const int64_t channels = op.attrs.Int("filterbank_channel_count", 40);
  const double low = op.attrs.Float("lower_frequency_limit", 20);
  const double high = op.attrs.Float("upper_frequency_limit", 4000);
  if (coefficients < 1 || coefficients > std::numeric_limits<int32_t>::max() || op.rank(0) != 3)
    return Error(Code::kInvalidModel, coefficients, " coefficients of an input of ", op.rank(0),
                 " dimensions");
  return EmitCustom(op,
                    {{"dct_coefficient_count", coefficients},
                     {"filterbank_channel_count", channels},
                     {"lower_frequency_limit", low},
                     {"upper_frequency_limit", high}},
                    {op.shape(0)[0], op.shape(0)[1], static_cast<int32_t>(coefficients)});
}

constexpr OpEntry kOps[] = {
    {"AudioSpectrogram", LowerSpectrogram},
    {"Mfcc", LowerMfcc},
};

}  // namespace

std::span<const OpEntry> AudioOps() { return kOps; }

}  // namespace edgeml::savedmodel
