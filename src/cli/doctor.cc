// edgeml doctor
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "edgeml/edgeml.h"
#include "src/base/cpu_features.h"
#include "src/base/memory_info.h"
#include "src/base/strings.h"
#include "src/cli/command.h"
#include "src/cli/output.h"

namespace edgeml::cli {
namespace {

namespace fs = std::filesystem;

std::string FirstLine(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

struct Sensor {
  std::string kind, name, value;
};

// What the kernel lets us read: temperatures, energy counters, the frequency governor.
std::vector<Sensor> Sensors() {
  std::vector<Sensor> sensors;
  std::error_code error;
  for (const auto& zone : fs::directory_iterator("/sys/class/thermal", error)) {
    const std::string milli = FirstLine(zone.path() / "temp");
    if (milli.empty()) continue;
    sensors.push_back({"temperature", FirstLine(zone.path() / "type"),
                       Fixed(std::atof(milli.c_str()) / 1000, 1) + " °C"});
  }
  for (const auto& zone : fs::directory_iterator("/sys/class/powercap", error)) {
    if (!fs::exists(zone.path() / "energy_uj", error)) continue;
    const std::string value = FirstLine(zone.path() / "energy_uj");
    sensors.push_back({"energy", FirstLine(zone.path() / "name"),
                       value.empty() ? "not readable by this user" : "readable"});
  }
  const std::string governor = FirstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  if (!governor.empty()) sensors.push_back({"frequency governor", "cpu0", governor});
  return sensors;
}

std::string System() {
  std::string line = FirstLine("/proc/sys/kernel/osrelease");
#if defined(__linux__)
  line = "Linux " + line;
#endif
#if defined(__x86_64__)
  line += ", x86_64";
#elif defined(__aarch64__)
  line += ", aarch64";
#endif
  return line;
}

Status Doctor(bool json) {
  std::vector<std::string> levels;
  for (const SimdLevel level : SupportedSimdLevels()) levels.emplace_back(NameOf(level));
  const std::vector<Sensor> sensors = Sensors();
  const size_t memory = PhysicalMemoryBytes(), cap = EffectiveMemoryCap(0);
  if (json) {
    Json list = Json::array();
    for (const Sensor& s : sensors) {
      list.push_back({{"kind", s.kind}, {"name", s.name}, {"value", s.value}});
    }
    PrintJson({{"version", Version()},
               {"system", System()},
               {"cpu", CpuModelName()},
               {"cpu_features", CpuFeatureList()},
               {"simd_levels", levels},
               {"simd_level", NameOf(BestSimdLevel())},
               {"threads", AvailableCpus()},
               {"memory_bytes", memory},
               {"memory_cap_bytes", cap},
               {"delegates", Json::array()},
               {"sensors", list}});
    return Status::Ok();
  }
  std::string level_list;
  for (const std::string& level : levels) level_list += (level_list.empty() ? "" : ", ") + level;
  Table table({"", ""});
  table.Add({"edgeml", std::string(Version())});
  table.Add({"system", System()});
  table.Add({"processor", CpuModelName()});
  table.Add({"features", CpuFeatureList()});
  table.Add({"SIMD levels", Concat(level_list, "; in use: ", NameOf(BestSimdLevel()))});
  table.Add({"threads", std::to_string(AvailableCpus())});
  table.Add({"memory", Concat(HumanBytes(memory), "; models may use ", HumanBytes(cap))});
  table.Add({"delegates", "none; the SIMD kernels of the processor are used"});
  for (const Sensor& s : sensors) table.Add({s.kind, s.name + ": " + s.value});
  if (sensors.empty()) table.Add({"sensors", "none readable (temperature, energy, frequency)"});
  table.Print(0, 100);
  return Status::Ok();
}

}  // namespace

Action AddDoctor(CLI::App&) { return Doctor; }

}  // namespace edgeml::cli
