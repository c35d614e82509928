#include <algorithm>

#include "src/base/stop.h"
#include "src/kernels/convolution/convolution_3d.h"
#include "src/kernels/convolution/reference.h"

namespace edgeml::kernels {
namespace {

using namespace reference;

// Where an output pixel lies.
struct Place {
  int64_t batch = 0, d = 0, h = 0, w = 0;
};
Place PlaceOf(const Conv3DShape& s, int64_t pixel) {
  Place place;
  place.w = pixel % s.w.out;
  pixel /= s.w.out;
  place.h = pixel % s.h.out;
  pixel /= s.h.out;
  place.d = pixel % s.d.out;
  place.batch = pixel / s.d.out;
  return place;
}

// The first input pixel of row (batch, d, h), counted in pixels.
int64_t InputRow(const Conv3DShape& s, int64_t batch, int64_t d, int64_t h) {
  return ((batch * s.d.in + d) * s.h.in + h) * s.w.in;
}

// The first filter tap of row (d, h), counted in taps.
int64_t FilterRow(const Conv3DShape& s, int64_t d, int64_t h) {
  return (d * s.h.filter + h) * s.w.filter;
}

Taps TapsOf(const ConvAxis& axis, int64_t out) {
  return TapsInside(out * axis.stride - axis.pad, axis.dilation, axis.filter, axis.in);
}
// The input position that tap `tap` of an output position sees.
int64_t Seen(const ConvAxis& axis, int64_t out, int64_t tap) {
  return out * axis.stride - axis.pad + tap * axis.dilation;
}

// Calls f(in, tap) for the input positions that reach output position `out`, in their order.
template <typename F>
void ForEachReaching(const ConvAxis& axis, int64_t out, F f) {
  const int64_t at = out + axis.pad;  // = in * stride + tap * dilation
  const int64_t span = int64_t{axis.filter - 1} * axis.dilation;
  const int64_t first = at > span ? (at - span + axis.stride - 1) / axis.stride : 0;
  const int64_t last = std::min<int64_t>(at / axis.stride, int64_t{axis.in} - 1);
  for (int64_t in = first; in <= last; ++in) {
    const int64_t rest = at - in * axis.stride;
    if (rest % axis.dilation == 0) f(in, rest / axis.dilation);
  }
}

// `sums` holds the sums of one pixel's channels.
void Finish(const FloatRange& range, const float* bias, int32_t channels, float* sums) {
  for (int32_t c = 0; c < channels; ++c)
    sums[c] = Clamp(range, sums[c] + (bias != nullptr ? bias[c] : 0.0f));
}

}  // namespace

void Conv3D(const Conv3DShape& s, const FloatRange& range, const float* input, const float* filter,
            const float* bias, float* output, int64_t begin, int64_t end) {
  const int64_t in_c = s.in_c, out_c = s.out_c;
  for (int64_t pixel = begin; pixel < end && !StopRequested(); ++pixel) {
    const Place at = PlaceOf(s, pixel);
    const Taps ds = TapsOf(s.d, at.d), hs = TapsOf(s.h, at.h), ws = TapsOf(s.w, at.w);
    float* out = output + pixel * out_c;
    std::fill_n(out, out_c, 0.0f);
    for (int64_t fd = ds.begin; fd < ds.end; ++fd) {
      for (int64_t fh = hs.begin; fh < hs.end; ++fh) {
        const int64_t row = InputRow(s, at.batch, Seen(s.d, at.d, fd), Seen(s.h, at.h, fh));
        for (int64_t fw = ws.begin; fw < ws.end; ++fw) {
          const float* x = input + (row + Seen(s.w, at.w, fw)) * in_c;
          const float* weights = filter + (FilterRow(s, fd, fh) + fw) * in_c * out_c;
          for (int64_t k = 0; k < in_c; ++k, weights += out_c)
            for (int64_t c = 0; c < out_c; ++c) out[c] += x[k] * weights[c];
        }
      }
    }
    Finish(range, bias, s.out_c, out);
  }
}

void Conv3DTranspose(const Conv3DShape& s, const FloatRange& range, const float* input,
                     const float* filter, const float* bias, float* output, int64_t begin,
                     int64_t end) {
  const int64_t in_c = s.in_c, out_c = s.out_c;
  for (int64_t pixel = begin; pixel < end && !StopRequested(); ++pixel) {
    const Place at = PlaceOf(s, pixel);
    float* out = output + pixel * out_c;
    std::fill_n(out, out_c, 0.0f);
    ForEachReaching(s.d, at.d, [&](int64_t d, int64_t fd) {
      ForEachReaching(s.h, at.h, [&](int64_t h, int64_t fh) {
        const int64_t row = InputRow(s, at.batch, d, h);
        ForEachReaching(s.w, at.w, [&](int64_t w, int64_t fw) {
          const float* x = input + (row + w) * in_c;
          const float* weights = filter + (FilterRow(s, fd, fh) + fw) * in_c * out_c;
          for (int64_t c = 0; c < out_c; ++c, weights += in_c)
            for (int64_t k = 0; k < in_c; ++k) out[c] += x[k] * weights[k];
        });
      });
    });
    Finish(range, bias, s.out_c, out);
  }
}

}  // namespace edgeml::kernels
