#include "src/cli/command.h"

int main(int argc, char** argv) { return edgeml::cli::Main(argc, argv); }
