// Classifies one 8x8 digit, drawn below, with a model such as models/digits_float.tflite.
#include <edgeml/edgeml.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string_view>

namespace {

// A hand-drawn three; a digit's shades run from 0 to 16.
constexpr std::string_view kDigit =
    ".......#"
    "..####.."
    ".....#.."
    "...##..."
    ".....#.."
    ".....#.."
    "..####.."
    "........";

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s MODEL.tflite\n", argv[0]);
    return 2;
  }
  auto model = edgeml::Model::Load(argv[1]);
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().message().c_str());
    return edgeml::ExitCode(model.status().code());
  }
  auto session = edgeml::Session::Create(*model);
  if (!session.ok()) {
    std::fprintf(stderr, "%s\n", session.status().message().c_str());
    return edgeml::ExitCode(session.status().code());
  }
  const std::span<float> input = session->input(0).as<float>();
  if (input.size() != kDigit.size()) {
    std::fprintf(stderr, "expected a float model with an 8x8 input\n");
    return 2;
  }
  for (size_t i = 0; i < input.size(); ++i) input[i] = kDigit[i] == '#' ? 16.0f : 0.0f;
  if (const edgeml::Status status = session->Run(); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.message().c_str());
    return edgeml::ExitCode(status.code());
  }
  const std::span<const float> scores = session->output(0).as<float>();
  const auto best = std::max_element(scores.begin(), scores.end());
  std::printf("digit %d, probability %.3f\n", static_cast<int>(best - scores.begin()), *best);
  return 0;
}
