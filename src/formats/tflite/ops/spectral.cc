// The options of Fourier transforms in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

constexpr OpHandler kHandlers[] = {
    Plain<fb::Rfft2dOptions>(Op::kRfft2d, Code_::RFFT2D),
};

}  // namespace

std::span<const OpHandler> SpectralHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
