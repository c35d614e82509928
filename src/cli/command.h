// The commands of `edgeml` and what runs them.
#ifndef EDGEML_CLI_COMMAND_H_
#define EDGEML_CLI_COMMAND_H_

#include <functional>

#include "edgeml/status.h"

namespace CLI {
class App;
}

namespace edgeml::cli {

// What a command does once its options are read. It prints its own result, as text or, with `json`,
// as one JSON object on stdout.
using Action = std::function<Status(bool json)>;

struct Command {
  const char* name;
  const char* summary;           // one line
  const char* example;           // one or more command lines
  Action (*add)(CLI::App& app);  // adds the options; the action reads them
};

Action AddInspect(CLI::App& app);
Action AddRun(CLI::App& app);
Action AddEvaluate(CLI::App& app);
Action AddBenchmark(CLI::App& app);
Action AddConvert(CLI::App& app);
Action AddQuantize(CLI::App& app);
Action AddCompare(CLI::App& app);
Action AddDoctor(CLI::App& app);

// The whole program; returns its exit code.
int Main(int argc, char** argv);

}  // namespace edgeml::cli

#endif  // EDGEML_CLI_COMMAND_H_
