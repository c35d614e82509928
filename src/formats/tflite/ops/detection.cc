// The options of detection in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

constexpr OpHandler kHandlers[] = {
    Plain<fb::NonMaxSuppressionV4Options>(Op::kNonMaxSuppressionV4, Code_::NON_MAX_SUPPRESSION_V4),
    Plain<fb::NonMaxSuppressionV5Options>(Op::kNonMaxSuppressionV5, Code_::NON_MAX_SUPPRESSION_V5),
};

}  // namespace

std::span<const OpHandler> DetectionHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
