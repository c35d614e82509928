#include "src/cli/command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "edgeml/edgeml.h"
#include "src/base/strings.h"
#include "src/cli/interrupt.h"
#include "src/cli/output.h"

namespace edgeml::cli {
namespace {

constexpr Command kCommands[] = {
    {"inspect", "Show what a model consists of: operators, shapes, sizes, memory",
     "edgeml inspect models/digits_int8.tflite", AddInspect},
    {"run", "Run a model on pictures, arrays or sound",
     "edgeml run mobilenet.tflite --input cat.jpg --labels labels.txt --top-k 3\n"
     "  edgeml run ssd.tflite --input street.jpg --labels coco.txt --draw boxes.png",
     AddRun},
    {"evaluate", "Measure a classifier's accuracy and loss on a data set",
     "edgeml evaluate models/digits_int8.tflite --data digits", AddEvaluate},
    {"benchmark", "Measure latency and memory",
     "edgeml benchmark models/digits_int8.tflite --threads 2 --seconds 3 --profile", AddBenchmark},
    {"convert", "Write a model in another form", "edgeml convert model.tflite smaller.tflite",
     AddConvert},
    {"quantize", "Make a model small: int8, int4, float16 … weights and arithmetic",
     "edgeml quantize model.h5 small.tflite --scheme int8 --calibration images:photos\n"
     "  edgeml quantize models/digits.h5 digits_int8.tflite --scheme int8 --calibration digits "
     "--eval digits",
     AddQuantize},
    {"compare", "Show where two models part, or their accuracy side by side",
     "edgeml compare models/digits_float.tflite models/digits_int8.tflite\n"
     "  edgeml compare models/digits_float.tflite models/digits_int8.tflite --data digits",
     AddCompare},
    {"doctor", "Show what this machine has", "edgeml doctor", AddDoctor},
};

// An error is one line on stderr.
int Fail(std::string_view command, const Status& status) {
  std::string where = "edgeml";
  if (!command.empty()) where += Concat(" ", command);
  std::fprintf(stderr, "%s: %s\n", where.c_str(), Printable(status.message()).c_str());
  return ExitCode(status.code());
}

}  // namespace

int Main(int argc, char** argv) {
  InstallInterruptHandler();
  CLI::App app("Edge ML: run, measure and compare models for edge devices", "edgeml");
  app.set_version_flag("--version", std::string(Version()));
  app.require_subcommand(1);
  app.footer(
      "`edgeml COMMAND --help` shows a command's options and an example.\n"
      "Exit codes: 0 done, 1 failed, 2 usage, 3 bad input file, 4 unsupported or over the "
      "memory cap, 5 remote not reachable, 130 interrupted.");

  bool json = false;
  std::string chosen;
  Action action;
  std::vector<Action> actions(std::size(kCommands));
  for (size_t i = 0; i < std::size(kCommands); ++i) {
    const Command& command = kCommands[i];
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    sub->footer(Concat("Example:\n  ", command.example));
    actions[i] = command.add(*sub);
    sub->add_flag("--json", json, "Print one JSON object on stdout");
    sub->callback([&, i] {
      chosen = kCommands[i].name;
      action = actions[i];
    });
  }

  app.get_formatter()->column_width(28);
  if (argc > 1 && argv[1][0] != '-') {
    std::string names;
    bool known = false;
    for (const Command& command : kCommands) {
      known = known || std::string_view(argv[1]) == command.name;
      names += Concat(names.empty() ? "" : ", ", command.name);
    }
    if (!known) {
      return Fail("", Error(Code::kInvalidArgument, "no command '", argv[1],
                            "'; the commands are: ", names));
    }
  }

  // CLI11 reports by exceptions; they end here.
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help, --version
  } catch (const CLI::ParseError& error) {
    if (argc <= 1) {
      std::fputs(app.help().c_str(), stderr);
      return ExitCode(Code::kInvalidArgument);
    }
    const auto subs = app.get_subcommands();
    const std::string name = subs.empty() ? "" : subs.front()->get_name();
    const std::string help = name.empty() ? "edgeml --help" : Concat("edgeml ", name, " --help");
    return Fail(name, Error(Code::kInvalidArgument, error.what(), "; see `", help, "`"));
  }

  Status status;
  try {
    status = action(json);
  } catch (const std::bad_alloc&) {
    status = Error(Code::kResourceExhausted, "out of memory");
  } catch (const std::exception& error) {
    status = Error(Code::kInternal, "unexpected: ", error.what());
  }
  if (std::fflush(stdout) != 0 && status.ok()) {
    status = Error(Code::kFailed, "the output cannot be written");
  }
  if (Interrupted()) status = Error(Code::kCancelled, "interrupted");
  return status.ok() ? 0 : Fail(chosen, status);
}

}  // namespace edgeml::cli
