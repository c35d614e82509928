// What the outputs of a model mean: classes, boxes.
#ifndef EDGEML_CLI_RESULTS_H_
#define EDGEML_CLI_RESULTS_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/cli/engine.h"
#include "src/cli/output.h"
#include "src/data/resize.h"

namespace edgeml::cli {

// Class names in the model's numbering.
struct ClassNames {
  std::vector<std::string> names;
  int shift = 0;     // added to a model's class number to find its name
  std::string note;  // says so when shift is not 0

  // Empty when there is none.
  std::string Of(int64_t model_class) const;
};

// Fits a list of names to a model of `classes` classes: as many; or one fewer (the model has a
// background class in front); or one more (the list has one). kInvalidArgument otherwise. With
// `classes` 0 (a detector), a first name of "???" or "background" is taken for such.
Result<ClassNames> FitNames(std::vector<std::string> names, int64_t classes);

struct Score {
  int64_t index = 0;
  double value = 0;
};

// The `k` largest, largest first; equal ones by index.
std::vector<Score> TopK(std::span<const double> scores, int k);

// Not negative and summing to about 1.
bool LooksLikeProbabilities(std::span<const double> values);

// Where a detector (TFLite_Detection_PostProcess) leaves its results: positions among the outputs.
struct DetectorOutputs {
  int boxes = -1, classes = -1, scores = -1, count = -1;
};
std::optional<DetectorOutputs> FindDetector(Engine& engine);

struct Detection {
  int64_t index = 0;  // class
  double score = 0;
  float left = 0, top = 0, right = 0, bottom = 0;  // fractions of the model's input
};
// Those of at least `threshold`, best first.
std::vector<Detection> Detections(const Engine& engine, const DetectorOutputs& outputs,
                                  double threshold);

// From fractions of the model's input to pixels of the picture it was resized from.
data::Box ToPicture(const Detection& d, int width, int height, int input_width, int input_height,
                    data::ResizeMode mode);

// {min, median, p90, p99, mean} of times, all zero when there are none.
struct Spread {
  double min = 0, median = 0, p90 = 0, p99 = 0, mean = 0;
};
Spread SpreadOf(std::vector<double> values);
Json ToJson(const Spread& spread);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_RESULTS_H_
