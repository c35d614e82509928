// Any bytes, taken for a TFLite file: read, inspect, prepare, run with both backends, write, read again.
// What comes out may be an error; it may not be a crash, a sanitizer finding, a hang or much memory.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "edgeml/edgeml.h"

namespace {

constexpr size_t kMemoryCap = size_t{32} << 20;
// A loop in the model may run for ever, and one operator for long; neither is an error.
constexpr int kMostNodes = 2000;
constexpr int64_t kMostMacs = 20'000'000;

[[noreturn]] void Fail(const char* what, const std::string& detail) {
  std::fprintf(stderr, "%s: %s\n", what, detail.c_str());
  std::abort();
}

// An error must be one line that says something, and never "internal".
void CheckError(const edgeml::Status& status) {
  if (status.ok()) return;
  if (status.message().empty()) Fail("error without a message", std::string());
  if (status.code() == edgeml::Code::kInternal) Fail("internal error", status.message());
}

void Inspect(const edgeml::Model& model) {
  for (int graph = 0; graph < model.num_subgraphs(); ++graph) {
    for (int i = 0; i < model.num_tensors(graph); ++i) {
      (void)model.tensor(i, graph);
      // Touch both ends of a constant: it must lie within the file.
      const std::span<const std::byte> bytes = model.constant(i, graph);
      volatile int sum = 0;
      if (!bytes.empty()) {
        sum = std::to_integer<int>(bytes.front()) + std::to_integer<int>(bytes.back());
      }
      (void)sum;
    }
    (void)model.nodes(graph);
  }
  for (const std::string& name : model.metadata().associated_files) {
    CheckError(model.AssociatedFile(name).status());
  }
  (void)model.UnsupportedOps();
}

void Run(const edgeml::Model& model, bool exact) {
  edgeml::SessionOptions options;
  options.exact = exact;
  options.memory_cap_bytes = kMemoryCap;
  int steps = 0;
  options.progress = [&steps](int, int) { return ++steps < kMostNodes; };
  edgeml::Result<edgeml::Session> session = edgeml::Session::Create(model, options);
  if (!session.ok()) return CheckError(session.status());
  int64_t macs = 0;
  for (const edgeml::NodeInfo& node : session->nodes()) macs += node.macs > 0 ? node.macs : 0;
  if (macs > kMostMacs) return;
  for (int i = 0; i < session->num_inputs(); ++i) {
    const edgeml::TensorRef input = session->input(i);
    // Strings and other types without a fixed layout are left as they are.
    if (input.data == nullptr || edgeml::BitsOf(input.dtype) == 0) continue;
    auto* bytes = static_cast<unsigned char*>(input.data);
    for (size_t at = 0; at < input.bytes; ++at) bytes[at] = static_cast<unsigned char>(at * 37 + 11);
  }
  const edgeml::Status status = session->Run();
  if (!status.ok()) return CheckError(status);
  for (int i = 0; i < session->num_outputs(); ++i) {
    const edgeml::TensorRef output = session->output(i);
    // Copying makes the address sanitizer look at every byte.
    if (output.data != nullptr && output.bytes != 0) {
      std::vector<char> copy(output.bytes);
      std::memcpy(copy.data(), output.data, output.bytes);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  edgeml::LoadOptions options;
  options.memory_cap_bytes = kMemoryCap;
  // Exactly as many bytes as there are, so that reading past the end is seen.
  edgeml::Result<edgeml::Model> model =
      edgeml::Model::FromBytes(std::as_bytes(std::span(data, size)), options);
  if (!model.ok()) {
    CheckError(model.status());
    return 0;
  }
  Inspect(*model);
  Run(*model, /*exact=*/true);
  Run(*model, /*exact=*/false);

  // What could be read can be written, and what was written can be read.
  edgeml::Result<std::vector<std::byte>> written = model->Serialize();
  if (!written.ok()) {
    CheckError(written.status());
    return 0;
  }
  edgeml::Result<edgeml::Model> again = edgeml::Model::FromBytes(*written, options);
  if (!again.ok() && again.status().code() != edgeml::Code::kResourceExhausted) {
    Fail("what was written cannot be read", again.status().message());
  }
  return 0;
}
