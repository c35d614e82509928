#include "src/cli/options.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "src/base/strings.h"

namespace edgeml::cli {

Result<size_t> ParseBytes(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (unit.ends_with('B') || unit.ends_with('b')) unit.remove_suffix(1);
  double factor = 0;
  if (unit.empty()) factor = 1;
  if (unit == "K" || unit == "k") factor = 1e3;
  if (unit == "M") factor = 1e6;
  if (unit == "G") factor = 1e9;
  if (unit == "Ki") factor = 1024.0;
  if (unit == "Mi") factor = 1024.0 * 1024;
  if (unit == "Gi") factor = 1024.0 * 1024 * 1024;
  if (error != std::errc() || factor == 0 || !(value >= 1) || value * factor > 1e18) {
    return Error(Code::kInvalidArgument, "'", text, "' is not a size; write 512MB or 2GiB");
  }
  return static_cast<size_t>(value * factor);
}

void EngineOptions::AddTo(CLI::App& app) {
  app.add_flag("--exact", exact, "Reference kernels only: integer results equal bit for bit");
  app.add_option("--threads", threads, "Number of threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--memory-cap", memory_cap,
                 "Most memory the model may use, e.g. 512MB (default: 80 % of the machine's)");
}

Result<size_t> EngineOptions::MemoryCap() const {
  if (memory_cap.empty()) return size_t{0};
  return ParseBytes(memory_cap);
}

void PixelOptions::AddTo(CLI::App& app) {
  app.add_option("--mean", mean, "Mean of the pixels: one number, or one per channel (a,b,c)")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--std", std, "Standard deviation of the pixels, likewise: (x - mean) / std")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--resize", resize, "How pictures of another shape fit: stretch, crop or pad")
      ->check(CLI::IsMember({"stretch", "crop", "pad"}))
      ->capture_default_str();
}

Result<data::PreprocessOptions> PixelOptions::Preprocess() const {
  data::PreprocessOptions options;
  options.resize = data::ParseResizeMode(resize).value_or(data::ResizeMode::kStretch);
  options.given = {mean, std};
  return options;
}

void SparseOption::AddTo(CLI::App& app) {
  app.add_option("--sparse", word,
                 "Pruned weights without their zeros where that is smaller: auto (.tflite alone), "
                 "off, or all (also where LiteRT needs its delegates turned off)")
      ->check(CLI::IsMember({"auto", "off", "all"}))
      ->capture_default_str();
}

Result<std::optional<passes::SparseOptions>> SparseOption::For(
    const std::filesystem::path& out) const {
  const bool in_graph = out.extension() != ".npz";
  const bool wanted = in_graph && (word != "auto" || out.extension() == ".tflite");
  return passes::ParseSparse(wanted ? word : "off");
}

}  // namespace edgeml::cli
