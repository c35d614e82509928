#include "src/kernels/elementwise/accumulate_args.h"
#include "src/kernels/simd/vector.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {
namespace {

using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

// sum[i] = f(i, count, sum[i]) by whole vectors and once for the rest.
template <typename F>
HWY_INLINE void Update(int64_t n, float* sum, F f) {
  const DF d;
  int64_t i = 0;
  for (; i + kLanes32 <= n; i += kLanes32)
    hn::StoreU(f(i, kLanes32, hn::LoadU(d, sum + i)), d, sum + i);
  if (i < n) {
    const int left = static_cast<int>(n - i);
    StorePart(f(i, left, LoadPart(d, sum + i, left)), d, sum + i, left);
  }
}

void Add(const float* x, int64_t n, float* sum) {
  const DF d;
  Update(n, sum, [&](int64_t i, int count, VF v) HWY_ATTR {
    return hn::Add(v, LoadPart(d, x + i, count));
  });
}

void AddScaled(float a, const float* x, int64_t n, float* sum) {
  const DF d;
  const VF factor = hn::Set(d, a);
  Update(n, sum, [&](int64_t i, int count, VF v) HWY_ATTR {
    return hn::MulAdd(factor, LoadPart(d, x + i, count), v);
  });
}

void AddProduct(const float* x, const float* y, int64_t n, float* sum) {
  const DF d;
  Update(n, sum, [&](int64_t i, int count, VF v) HWY_ATTR {
    return hn::MulAdd(LoadPart(d, x + i, count), LoadPart(d, y + i, count), v);
  });
}

}  // namespace

extern const AccumulateKernels kAccumulate;
const AccumulateKernels kAccumulate = {
    .add = Add, .add_scaled = AddScaled, .add_product = AddProduct};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
