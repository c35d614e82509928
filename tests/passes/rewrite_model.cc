// rewrite_model IN OUT [float16]: the passes over a TFLite model. Compares the two in our own
// engine, writes the result, and prints a JSON object: nodes before and after, changes and
// milliseconds of each pass, the largest difference and its share of the largest output.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "src/convert/evaluator.h"
#include "src/convert/verification.h"
#include "src/formats/tflite/reader.h"
#include "src/formats/tflite/writer.h"
#include "src/passes/float16.h"
#include "src/passes/passes.h"

namespace edgeml {
namespace {

Status Rewrite(const std::string& in, const std::string& out, bool float16) {
  EDGEML_ASSIGN_OR_RETURN(const ir::Module before, tflite::ReadTfliteFile(in));
  ir::Module after = before;
  convert::ReferenceEvaluator evaluator;
  passes::Options options;
  options.verify_each = true;
  EDGEML_ASSIGN_OR_RETURN(const passes::Report report,
                          passes::RunPasses(after, options, &evaluator));
  nlohmann::json json = {{"nodes_before", report.nodes_before},
                         {"nodes_after", report.nodes_after},
                         {"rounds", report.rounds}};
  for (const passes::PassReport& pass : report.passes)
    json["passes"][std::string(pass.name)] = {{"changes", pass.changes}, {"ms", pass.ms}};
  EDGEML_ASSIGN_OR_RETURN(const convert::Difference difference,
                          convert::Compare(before, after, 2, 1, size_t{2} << 30));
  json["largest_difference"] = difference.largest;
  json["relative_difference"] = difference.relative;
  if (float16) {
    EDGEML_ASSIGN_OR_RETURN(const passes::Float16Report stored, passes::StoreFloat16(after));
    json["float16_constants"] = stored.constants;
  }
  EDGEML_RETURN_IF_ERROR(tflite::WriteTfliteFile(after, out));
  std::cout << json.dump() << "\n";
  return Status::Ok();
}

}  // namespace
}  // namespace edgeml

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const edgeml::Status status = edgeml::Rewrite(argv[1], argv[2], argc > 3);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.message().c_str());
  return edgeml::ExitCode(status.code());
}
