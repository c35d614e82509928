// A model ready to be fed with examples.
#ifndef EDGEML_CLI_ENGINE_H_
#define EDGEML_CLI_ENGINE_H_

#include <memory>
#include <string>
#include <vector>

#include "edgeml/edgeml.h"
#include "src/cli/options.h"
#include "src/data/array.h"
#include "src/data/dataset.h"
#include "src/data/preprocess.h"

namespace edgeml::cli {

// The custom operators that every command runs: those of the audio front-end.
std::shared_ptr<const CustomOpRegistry> CustomOps();
// Opens a model file under the options' memory cap.
Result<Model> LoadModel(const std::string& path, const EngineOptions& options);
// For a command's own needs, `session` may have fields set already.
Result<Session> MakeSession(const Model& model, const EngineOptions& options,
                            SessionOptions session = {});

// Names by the first signature of the main graph, else by the tensors' own.
struct Port {
  std::string name;
  TensorInfo info;
};

// The stored form of a tensor as numbers: dequantized when it is quantized per tensor.
std::vector<double> RealValues(const TensorInfo& info, const TensorRef& tensor);

class Engine {
 public:
  static Result<std::unique_ptr<Engine>> Open(const std::string& path, const EngineOptions& options,
                                              SessionOptions session = {});
  // The same for a model in memory; `path` is for messages.
  static Result<std::unique_ptr<Engine>> Make(const std::string& path, Model model,
                                              const EngineOptions& options,
                                              SessionOptions session = {});

  const std::string& path() const { return path_; }
  const Model& model() const { return model_; }
  Session& session() { return session_; }
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  double load_ms() const { return load_ms_; }

  // What the example must become. Unknown dimensions as the model's signature states them.
  data::InputSpec Spec(int input) const;
  // Makes the example into input `input`, resizing the input when the model leaves that open. The
  // model's own normalization is added to `options`.
  Status Feed(int input, const data::Example& example, data::PreprocessOptions options);
  // Fills every input with pseudo-random values of its range: bytes for integers of 8 and 16 bits,
  // [0, 1) for floats, 0 for others.
  Status FeedRandom(uint32_t seed);
  // Runs once; Ctrl-C cancels.
  Status Run();
  double last_run_ms() const { return last_run_ms_; }

  // The output in the model's own type; packed and other types NumPy lacks are widened. With
  // `dequantize`, float32.
  Result<data::Array> Output(int i, bool dequantize) const;
  std::vector<double> OutputValues(int i) const;

 private:
  Engine(std::string path, Model model, Session session)
      : path_(std::move(path)), model_(std::move(model)), session_(std::move(session)) {}
  std::string path_;
  Model model_;
  Session session_;
  std::vector<Port> inputs_, outputs_;
  double load_ms_ = 0, last_run_ms_ = 0;
};

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_ENGINE_H_
