// The models end-to-end tests run over: models/ of the repository, and the .tflite files of the
// folder EDGEML_TEST_DATA (default ../shared/data beside the repository) when it is there.
#ifndef EDGEML_TESTS_END_TO_END_TEST_MODELS_H_
#define EDGEML_TESTS_END_TO_END_TEST_MODELS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace edgeml {

inline std::string TestDataFolder() {
  if (const char* folder = std::getenv("EDGEML_TEST_DATA")) return folder;
  return std::string(EDGEML_SOURCE_DIR) + "/../shared/data";
}

inline std::vector<std::string> TestModels() {
  namespace fs = std::filesystem;
  std::vector<std::string> found;
  for (const std::string& folder : {std::string(EDGEML_SOURCE_DIR) + "/models", TestDataFolder()}) {
    std::error_code error;
    size_t before = found.size();
    for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
      if (it->path().extension() == ".tflite") found.push_back(it->path().string());
    }
    if (found.size() == before)
      std::fprintf(stderr, "NOTE: no models in %s: tests over them do not run\n", folder.c_str());
  }
  std::sort(found.begin(), found.end());
  return found;
}

inline std::string ModelTestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = std::filesystem::path(info.param).stem().string();
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

}  // namespace edgeml

#endif  // EDGEML_TESTS_END_TO_END_TEST_MODELS_H_
