// Sound files.
#ifndef EDGEML_DATA_AUDIO_H_
#define EDGEML_DATA_AUDIO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "edgeml/status.h"

namespace edgeml::data {

struct Audio {
  int sample_rate = 0;         // Hz
  std::vector<float> samples;  // one channel (the mean of several), [-1, 1)
};

// Reads a wav file (any encoding that libsndfile knows) of at most 2^28 values.
// Errors: kNotFound, kInvalidModel, kUnsupported (too long).
Result<Audio> ReadAudio(const std::string& path);

}  // namespace edgeml::data

#endif  // EDGEML_DATA_AUDIO_H_
