// The options of random numbers in the format.
#include "src/formats/tflite/ops/codec.h"
#include "src/formats/tflite/ops/families.h"
#include "src/ir/selection.h"

namespace edgeml::tflite {
namespace {

EDGEML_CODEC(
    RandomCodec, RandomOptions, RandomAttrs, VT_SEED2, { return Assign(a, o.seed(), o.seed2()); },
    a.seed, a.seed2)
EDGEML_CODEC(
    StablehloRngCodec, StablehloRngBitGeneratorOptions, RngBitGeneratorAttrs, VT_ALGORITHM,
    {
      if (o.algorithm() < fb::RngAlgorithm::MIN || o.algorithm() > fb::RngAlgorithm::MAX)
        return Error(Code::kUnsupported, "algorithm ", static_cast<int>(o.algorithm()),
                     " is unknown");
      a.algorithm = static_cast<ir::RngAlgorithm>(o.algorithm());
      return Status::Ok();
    },
    static_cast<fb::RngAlgorithm>(a.algorithm))

constexpr OpHandler kHandlers[] = {
    With<RandomCodec>(Op::kMultinomial, Code_::MULTINOMIAL),
    With<RandomCodec>(Op::kRandomStandardNormal, Code_::RANDOM_STANDARD_NORMAL),
    With<RandomCodec>(Op::kRandomUniform, Code_::RANDOM_UNIFORM),
    With<StablehloRngCodec>(Op::kStablehloRngBitGenerator, Code_::STABLEHLO_RNG_BIT_GENERATOR),
};

}  // namespace

std::span<const OpHandler> RandomHandlers() { return ir::SelectedRows<kHandlers>(); }

}  // namespace edgeml::tflite
