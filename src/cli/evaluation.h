// Accuracy and loss of a classifier on a data set.
#ifndef EDGEML_CLI_EVALUATION_H_
#define EDGEML_CLI_EVALUATION_H_

#include <optional>
#include <string>
#include <vector>

#include "src/cli/engine.h"
#include "src/cli/output.h"
#include "src/cli/results.h"
#include "src/data/dataset.h"

namespace edgeml::cli {

struct Evaluation {
  int64_t count = 0;    // examples with a label
  int64_t classes = 0;  // of the data
  double accuracy = 0;
  std::optional<double> top5;  // with more than five classes
  double loss = 0;             // mean cross entropy, natural logarithm
  bool from_logits = false;    // the outputs were no probabilities: softmax was applied
  int label_shift = 0;         // added to the data's labels
  std::vector<std::vector<int64_t>> confusion;  // [true][predicted]; empty with many classes
  std::vector<int64_t> predictions;             // in the data's numbering, -1 outside of it
  Spread latency;                               // ms
};

// Runs the model on the first `limit` examples (0 = all). The first output holds the scores; a
// single score is the probability of class 1. Errors: kInvalidArgument (no labels, fewer classes
// than the data has) and those of reading and running.
Result<Evaluation> Evaluate(Engine& engine, const data::Dataset& dataset,
                            const data::PreprocessOptions& preprocess, int64_t limit);

Json ToJson(const Evaluation& evaluation, const data::Dataset& dataset);

// "Label 3 of the data is class 4 of the model: …"; empty without a shift.
std::string ShiftNote(const Evaluation& evaluation);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_EVALUATION_H_
