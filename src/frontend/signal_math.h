// The arithmetic of the audio front-end: integer functions on plain pointers, no graph, no
// allocation. Each equals TFLite Micro's (signal/src of its repository) in every bit; where that
// one is undefined or reads outside, the comment says what happens here.
#ifndef EDGEML_FRONTEND_SIGNAL_MATH_H_
#define EDGEML_FRONTEND_SIGNAL_MATH_H_

#include <cstddef>
#include <cstdint>

namespace edgeml::frontend {

// out[i] = (in[i] * window[i]) >> shift, clamped to int16. shift in [0, 31].
void ApplyWindow(const int16_t* in, const int16_t* window, size_t n, int shift, int16_t* out);

// Shifts left as far as the largest magnitude allows and returns by how many bits, 0 to 14 (0 for
// silence). A magnitude of 32768 does not fit the int16 that the maximum is kept in: the search
// goes on from -32768 then, as TFLite Micro's does.
int AutoScale(const int16_t* in, size_t n, int16_t* out);

// out[i] = |in[i]|^2 for i in [first, last), 0 elsewhere (TFLite Micro leaves those as they were).
// in: [2 n], real and imaginary parts in turns; out: [n]; 0 <= first, last <= n.
void Energy(const int16_t* in, size_t n, size_t first, size_t last, uint32_t* out);

// The filters of a bank, as the model keeps them. The energy in a bin goes to two neighbouring
// channels: weighted to one, unweighted (one minus the weight) to the next. `starts` are places in
// the spectrum, `weight_starts` in the weights: [channels + 1] each, like `widths`.
struct FilterBank {
  const int16_t* weights = nullptr;
  const int16_t* unweights = nullptr;
  size_t num_weights = 0;
  const int16_t* starts = nullptr;
  const int16_t* weight_starts = nullptr;
  const int16_t* widths = nullptr;
};
// Adds the channel `c` of the bank: *weighted gets the bins' energies times the weights on top,
// *unweighted those times the unweights. A width below 1 adds nothing. False when the channel
// reaches outside of the spectrum [bins] or the weights.
bool AddChannel(const FilterBank& bank, size_t c, const uint32_t* spectrum, size_t bins,
                uint64_t* weighted, uint64_t* unweighted);

// The square root rounded to the nearest integer; below 2^32 at most 65535, else at most 2^32 - 1.
uint32_t RoundedSquareRoot(uint64_t x);

struct Subtraction {
  // Scaled by 2^bits; the alternates are for channels of odd number.
  uint32_t smoothing = 0, one_minus_smoothing = 0;
  uint32_t alternate_smoothing = 0, alternate_one_minus_smoothing = 0;
  uint32_t min_signal_remaining = 0;
  int smoothing_bits = 0;  // [0, 31]
  int bits = 0;            // [0, 63]
  bool clamping = false;   // the estimate does not stay above the signal
};
// Updates the noise estimate of each channel with the signal and takes it off. All [n].
void SubtractNoise(const Subtraction& parameters, const uint32_t* in, size_t n, uint32_t* noise,
                   uint32_t* out);

// A table of the logarithm's correction: 65536 (log2(1 + i/128) - i/128), rounded.
inline constexpr size_t kLogTableSize = 129;
struct LogTable {
  uint16_t values[kLogTableSize];
  LogTable();
};
// out[i] = scale ln(in[i] << shift), at most 32767, to the table's precision; 0 for arguments
// below 2. shift in [0, 31]; what is shifted out is lost.
void ScaledLog(const LogTable& table, const uint32_t* in, size_t n, int shift, uint32_t scale,
               int16_t* out);

// Per-channel amplitude normalization (PCAN). `gains` holds the gain by noise level: the values
// for 0, 1, 2, then for each power of two a polynomial of degree 2 in 4 values, of which the last
// is unused.
inline constexpr size_t kGainTableSize = 125;
// out[i] = shrink((in[i] gain(noise[i])) >> shift) with shrink(x) = x^2/4 below 2 and x - 1 from
// there on, 12 fractional bits in and 6 out. gains: at least [kGainTableSize]; shift in [0, 63].
void Normalize(const int16_t* gains, const uint32_t* in, const uint32_t* noise, size_t n, int shift,
               uint32_t* out);

}  // namespace edgeml::frontend

#endif  // EDGEML_FRONTEND_SIGNAL_MATH_H_
