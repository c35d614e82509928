#include "src/kernels/simd/vector.h"
#include "src/kernels/statistics/statistics_args.h"

namespace edgeml::kernels::EDGEML_SIMD_LEVEL {
namespace {

using DF = hn::ScalableTag<float>;
using DI = hn::ScalableTag<int32_t>;
using DD = hn::ScalableTag<double>;
using VF = hn::Vec<DF>;

constexpr int64_t kStep = 4 * kLanes32;

// Least, largest, and a sum that is NaN once a value was not finite; four chains of each.
struct Extents {
  VF min, max, odd;
};

HWY_INLINE void Widen(Extents& e, VF v) {
  e.min = hn::Min(v, e.min);
  e.max = hn::Max(v, e.max);
  e.odd = hn::MulAdd(v, hn::Zero(DF()), e.odd);
}

void WideExtent(const float* x, int64_t n, Extent* out) {
  const DF d;
  const VF infinity = hn::Inf(d);
  Extents e0{infinity, hn::Neg(infinity), hn::Zero(d)};
  Extents e1 = e0, e2 = e0, e3 = e0;
  int64_t i = 0;
  for (; i + kStep <= n; i += kStep) {
    Widen(e0, hn::LoadU(d, x + i));
    Widen(e1, hn::LoadU(d, x + i + kLanes32));
    Widen(e2, hn::LoadU(d, x + i + 2 * kLanes32));
    Widen(e3, hn::LoadU(d, x + i + 3 * kLanes32));
  }
  for (; i + kLanes32 <= n; i += kLanes32) Widen(e0, hn::LoadU(d, x + i));
  if (i < n && n >= kLanes32) {  // the last ones, some of them for the second time
    Widen(e0, hn::LoadU(d, x + n - kLanes32));
    i = n;
  }
  const VF min = hn::Min(hn::Min(e0.min, e1.min), hn::Min(e2.min, e3.min));
  const VF max = hn::Max(hn::Max(e0.max, e1.max), hn::Max(e2.max, e3.max));
  const VF odd = hn::Add(hn::Add(e0.odd, e1.odd), hn::Add(e2.odd, e3.odd));
  float least = hn::GetLane(hn::MinOfLanes(d, min));
  float most = hn::GetLane(hn::MaxOfLanes(d, max));
  float sum = hn::GetLane(hn::SumOfLanes(d, odd));
  for (; i < n; ++i) {
    least = x[i] < least ? x[i] : least;
    most = x[i] > most ? x[i] : most;
    sum += x[i] * 0.0f;
  }
  out->min = least + 0.0f;
  out->max = most + 0.0f;
  out->all_finite = sum == sum;
}

int64_t WideBins(const float* x, int64_t n, float scale, int32_t half, int32_t* out) {
  static_assert(kLanes32 <= kBinSlack);
  const DF d;
  const DI di;
  const VF vscale = hn::Set(d, scale), zero = hn::Zero(d);
  const auto vhalf = hn::Set(di, half);
  int64_t found = 0;
  for (int64_t i = 0; i < n; i += kLanes32) {
    const int count = n - i < kLanes32 ? static_cast<int>(n - i) : kLanes32;
    const VF v = LoadPart(d, x + i, count);                         // zeros where there is nothing
    const auto m = hn::ConvertTo(di, hn::Mul(hn::Abs(v), vscale));  // truncates
    const auto negative = hn::BitCast(di, hn::VecFromMask(d, hn::Lt(v, zero)));
    const auto bins = hn::Add(vhalf, hn::Xor(m, negative));  // ~m = -1 - m
    const auto wanted = hn::RebindMask(di, hn::Ne(v, zero));
    found += static_cast<int64_t>(hn::CompressStore(bins, wanted, di, out + found));
  }
  return found;
}

void WideChannels(const float* x, int64_t rows, int32_t channels, float* min, float* max,
                  double* sum) {
  const DF d;
  const DD dd;
  const hn::Half<DF> dh;
  constexpr int kHalf = kLanes32 / 2;
  const VF zero = hn::Zero(d);
  int32_t c = 0;
  // Columns of a vector's width: what they come to stays in registers.
  for (; c + kLanes32 <= channels; c += kLanes32) {
    VF least = hn::LoadU(d, min + c), most = hn::LoadU(d, max + c);
    auto low = hn::LoadU(dd, sum + c), high = hn::LoadU(dd, sum + c + kHalf);
    const float* p = x + c;
    for (int64_t r = 0; r < rows; ++r, p += channels) {
      const VF v = hn::Add(hn::LoadU(d, p), zero);
      least = hn::Min(least, v);
      most = hn::Max(most, v);
      low = hn::Add(low, hn::PromoteTo(dd, hn::LowerHalf(dh, v)));
      high = hn::Add(high, hn::PromoteTo(dd, hn::UpperHalf(dh, v)));
    }
    hn::StoreU(least, d, min + c);
    hn::StoreU(most, d, max + c);
    hn::StoreU(low, dd, sum + c);
    hn::StoreU(high, dd, sum + c + kHalf);
  }
  for (; c < channels; ++c) {
    const float* p = x + c;
    float least = min[c], most = max[c];
    double total = sum[c];
    for (int64_t r = 0; r < rows; ++r, p += channels) {
      const float v = *p + 0.0f;
      least = v < least ? v : least;
      most = v > most ? v : most;
      total += static_cast<double>(v);
    }
    min[c] = least;
    max[c] = most;
    sum[c] = total;
  }
}

}  // namespace

extern const StatisticsKernels kStatistics;
const StatisticsKernels kStatistics = {WideExtent, WideBins, WideChannels};

}  // namespace edgeml::kernels::EDGEML_SIMD_LEVEL
