// edgeml convert
#include "src/convert/converter.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "src/cli/command.h"
#include "src/cli/model_file.h"
#include "src/cli/options.h"
#include "src/cli/output.h"

namespace edgeml::cli {
namespace {

struct Options {
  std::string in, out;
  ImportOptions reading;
  MetadataOptions metadata;
  convert::Options convert;
  SparseOption sparse{"off"};  // an operator more, and nothing is asked to be small
};

void Print(const Options& options, const convert::Report& report, uint64_t output_bytes) {
  std::printf("%s: %s%s%s, %s bytes\n", Printable(options.in).c_str(), report.format.c_str(),
              report.version.empty() ? "" : " ", Printable(report.version).c_str(),
              Grouped(static_cast<int64_t>(report.input_bytes)).c_str());
  for (const std::string& note : report.notes) std::printf("note: %s\n", Printable(note).c_str());
  if (report.ops != report.imported_ops || !report.passes.empty())
    std::printf("%lld operators as imported, %lld now\n",
                static_cast<long long>(report.imported_ops), static_cast<long long>(report.ops));
  for (const passes::PassReport& pass : report.passes)
    if (pass.changes > 0)
      std::printf("  %-24s %lld\n", std::string(pass.name).c_str(),
                  static_cast<long long>(pass.changes));
  if (report.verified_runs > 0)
    std::printf(
        "verified on %d random input%s: differs by at most %s, %s of the largest output\n"
        "  (the graph as read against the result; whether it was read right, this does not tell)\n",
        report.verified_runs, report.verified_runs == 1 ? "" : "s",
        Significant(report.largest_difference).c_str(),
        Significant(report.relative_difference).c_str());
  if (options.convert.float16 && report.verified_runs > 0)
    std::printf("float16 weights: differs by %s of the largest output\n",
                Significant(report.float16_difference).c_str());
  std::printf("→ %s, %s bytes\n", Printable(options.out).c_str(),
              Grouped(static_cast<int64_t>(output_bytes)).c_str());
}

Status Convert(Options options, bool json) {
  EDGEML_RETURN_IF_ERROR(CheckOutput(options.out));
  EDGEML_RETURN_IF_ERROR(options.reading.Apply(options.convert));
  EDGEML_ASSIGN_OR_RETURN(options.convert.sparse, options.sparse.For(options.out));
  convert::Report report;
  EDGEML_ASSIGN_OR_RETURN(ir::Module module,
                          convert::Convert(options.in, options.convert, &report));
  EDGEML_RETURN_IF_ERROR(options.metadata.Apply(module));
  EDGEML_ASSIGN_OR_RETURN(const uint64_t output_bytes, WriteModel(module, options.out));
  if (!json) {
    Print(options, report, output_bytes);
    return Status::Ok();
  }
  Json passes = Json::object();
  for (const passes::PassReport& pass : report.passes)
    passes[std::string(pass.name)] = {{"changes", pass.changes}, {"ms", pass.ms}};
  PrintJson({{"input", options.in},
             {"output", options.out},
             {"format", report.format},
             {"version", report.version},
             {"input_bytes", report.input_bytes},
             {"output_bytes", output_bytes},
             {"imported_ops", report.imported_ops},
             {"ops", report.ops},
             {"passes", passes},
             {"notes", report.notes},
             {"verified_runs", report.verified_runs},
             {"largest_difference", report.largest_difference},
             {"relative_difference", report.relative_difference},
             {"float16_difference", report.float16_difference}});
  return Status::Ok();
}

}  // namespace

Action AddConvert(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("IN", options->in,
                 "Model to read: .tflite, .h5, .keras, .json, the folder of a SavedModel, .pb")
      ->required();
  app.add_option("OUT", options->out,
                 "File to write: .tflite, .npz (weights), .c, .cc or .h (C array)")
      ->required();
  options->reading.AddTo(app);
  options->metadata.AddTo(app);
  app.add_option("--verify", options->convert.verify_runs,
                 "Random inputs on which graph and result are compared; 0 = none")
      ->check(CLI::Range(0, 1000));
  app.add_flag("--allow-custom", options->convert.allow_custom,
               "Operators of TensorFlow that are not known become custom operators");
  app.add_flag("--float16", options->convert.float16, "Store weights as float16");
  options->sparse.AddTo(app);
  return [options](bool json) { return Convert(*options, json); };
}

}  // namespace edgeml::cli
