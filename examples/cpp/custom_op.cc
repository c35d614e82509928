// Runs examples/peak_hold.tflite, whose one operator, PeakHold, is implemented here:
// y = max(x, decay * y of the run before), a meter's needle that falls slowly.
#include <edgeml/audio_frontend.h>
#include <edgeml/edgeml.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <vector>

namespace {

class PeakHold : public edgeml::CustomKernel {
 public:
  edgeml::Status Prepare(edgeml::CustomPrepare& node) override {
    if (node.num_inputs() != 1 || node.num_outputs() != 1 ||
        node.input(0).dtype != edgeml::DType::kFloat32 ||
        node.output(0).dtype != edgeml::DType::kFloat32)
      return {edgeml::Code::kInvalidModel, "takes one float32 tensor and gives one"};
    const auto decay = node.option("decay");
    if (!decay) return {edgeml::Code::kInvalidModel, "its options have no number 'decay'"};
    decay_ = static_cast<float>(*decay);
    node.SetOutputShape(0, node.input(0).shape);
    // The shape is the model's: ask before memory of that size is allocated.
    EDGEML_RETURN_IF_ERROR(node.ReserveState(node.input(0).bytes));
    peaks_.assign(node.input(0).bytes / sizeof(float), 0.0f);
    return {};
  }

  edgeml::Status Run(edgeml::CustomRun& node) override {
    const auto in = node.input(0).as<float>();
    const auto out = node.output(0).as_mutable<float>();
    for (size_t i = 0; i < in.size(); ++i) out[i] = peaks_[i] = std::max(in[i], decay_ * peaks_[i]);
    return {};
  }

  void Reset() override { std::fill(peaks_.begin(), peaks_.end(), 0.0f); }

 private:
  float decay_ = 0;
  std::vector<float> peaks_;
};

int Fail(const edgeml::Status& status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return edgeml::ExitCode(status.code());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s MODEL.tflite\n", argv[0]);
    return 2;
  }
  auto model = edgeml::Model::Load(argv[1]);
  if (!model.ok()) return Fail(model.status());

  auto registry = std::make_shared<edgeml::CustomOpRegistry>();
  if (const auto added = registry->Add<PeakHold>("PeakHold"); !added.ok()) return Fail(added);
  // Libraries of operators are added by one call each.
  if (const auto added = edgeml::AddAudioFrontendOps(*registry); !added.ok()) return Fail(added);

  edgeml::SessionOptions options;
  options.custom_ops = registry;
  auto session = edgeml::Session::Create(*model, options);
  if (!session.ok()) return Fail(session.status());
  for (const float loudness : {1.0f, 0.0f, 0.2f}) {
    const auto in = session->input(0).as<float>();
    std::fill(in.begin(), in.end(), loudness);
    if (const auto status = session->Run(); !status.ok()) return Fail(status);
    std::printf("%.3f\n", session->output(0).as<float>()[0]);
  }
  return 0;
}
