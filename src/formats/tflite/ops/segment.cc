// The options of sums over segments in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

constexpr OpHandler kHandlers[] = {
    Plain<fb::SegmentSumOptions>(Op::kSegmentSum, Code_::SEGMENT_SUM),
    Plain<fb::UnsortedSegmentMaxOptions>(Op::kUnsortedSegmentMax, Code_::UNSORTED_SEGMENT_MAX),
    Plain<fb::UnsortedSegmentMinOptions>(Op::kUnsortedSegmentMin, Code_::UNSORTED_SEGMENT_MIN),
    Plain<fb::UnsortedSegmentProdOptions>(Op::kUnsortedSegmentProd, Code_::UNSORTED_SEGMENT_PROD),
    Plain<fb::UnsortedSegmentSumOptions>(Op::kUnsortedSegmentSum, Code_::UNSORTED_SEGMENT_SUM),
};

}  // namespace

std::span<const OpHandler> SegmentHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
