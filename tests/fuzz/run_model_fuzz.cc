// Fuzz target: read a model from hostile bytes, prepare it, and run it on both backends, with the
// custom operators of the audio front-end. Input values come from a hash of the bytes.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "edgeml/audio_frontend.h"
#include "edgeml/edgeml.h"

namespace {

constexpr size_t kMemoryCap = 16 << 20;
constexpr int64_t kMostMacs = 20'000'000;  // a run must be quick
constexpr int64_t kMostSteps = 2'000;

// An error must say something, and must not be our own mistake.
void CheckError(const edgeml::Status& status) {
  if (status.ok()) return;
  if (status.message().empty() || status.code() == edgeml::Code::kInternal) {
    std::fprintf(stderr, "error without a reason, or internal: %s\n", status.message().c_str());
    std::abort();
  }
}

// Pools, non-maximum suppression and local response normalization have no multiply-accumulates to
// count, but may take the product of their sizes in steps.
bool MayTakeTooLong(const edgeml::Session& session, const edgeml::NodeInfo& node) {
  bool quadratic = false;
  for (const char* name : {"POOL", "PostProcess", "NON_MAX_SUPPRESSION", "LOCAL_RESPONSE"})
    quadratic |= node.op.find(name) != std::string::npos;
  if (!quadratic) return false;
  int64_t product = 1;
  for (const auto& tensors : {node.inputs, node.outputs}) {
    if (tensors.empty() || tensors[0] < 0) continue;
    const auto bytes = static_cast<int64_t>(session.tensor_info(tensors[0]).byte_size);
    if (bytes > kMostMacs / product) return true;
    product *= bytes > 0 ? bytes : 1;
  }
  return false;
}

std::shared_ptr<const edgeml::CustomOpRegistry> CustomOps() {
  static const auto registry = [] {
    auto made = std::make_shared<edgeml::CustomOpRegistry>();
    CheckError(edgeml::AddAudioFrontendOps(*made));
    return made;
  }();
  return registry;
}

void RunOnce(const edgeml::Model& model, bool exact, uint32_t seed) {
  edgeml::SessionOptions options;
  options.exact = exact;
  options.memory_cap_bytes = kMemoryCap;
  options.step_limit = kMostSteps;
  options.custom_ops = CustomOps();
  auto session = edgeml::Session::Create(model, options);
  if (!session.ok()) return CheckError(session.status());
  int64_t macs = 0;
  for (const edgeml::NodeInfo& node : session->nodes()) {
    if (node.macs > kMostMacs || node.macs < -1) return;
    macs += node.macs > 0 ? node.macs : 0;
    if (MayTakeTooLong(*session, node)) return;
    if (macs > kMostMacs) return;
  }
  for (int i = 0; i < session->num_inputs(); ++i) {
    const edgeml::TensorRef input = session->input(i);
    auto* bytes = static_cast<uint8_t*>(input.data);
    if (bytes == nullptr) continue;
    for (size_t k = 0; k < input.bytes; ++k) {
      seed = seed * 1664525u + 1013904223u;
      bytes[k] = static_cast<uint8_t>(seed >> 24);
    }
  }
  if (const edgeml::Status status = session->Run(); !status.ok()) return CheckError(status);
  (void)session->Run();
  // Every output byte must be readable.
  volatile uint8_t sink = 0;
  for (int i = 0; i < session->num_outputs(); ++i) {
    const edgeml::TensorRef output = session->output(i);
    const auto* bytes = static_cast<const uint8_t*>(output.data);
    for (size_t k = 0; bytes != nullptr && k < output.bytes; ++k) sink = sink ^ bytes[k];
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  edgeml::LoadOptions options;
  options.memory_cap_bytes = kMemoryCap;
  const auto model =
      edgeml::Model::FromBytes({reinterpret_cast<const std::byte*>(data), size}, options);
  if (!model.ok()) {
    CheckError(model.status());
    return 0;
  }
  uint32_t seed = 2166136261u;
  for (size_t i = 0; i < size; ++i) seed = (seed ^ data[i]) * 16777619u;
  RunOnce(*model, /*exact=*/true, seed);
  RunOnce(*model, /*exact=*/false, seed);
  return 0;
}
