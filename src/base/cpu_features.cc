#include "src/base/cpu_features.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace edgeml {
namespace {

struct Features {
  bool avx2 = false, avxvnni = false, avx512 = false, avx512vnni = false, avx512bf16 = false;
};

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

// The operating system saves the registers named by `mask` (XCR0).
bool SavesRegisters(uint32_t mask) {
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (1u << 27)) == 0) return false;
  uint32_t lo = 0, hi = 0;
  __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
  return (lo & mask) == mask;
}

Features Detect() {
  Features f;
  uint32_t a = 0, b1 = 0, c1 = 0, d = 0, b7 = 0, c7 = 0, a71 = 0, b = 0, c = 0;
  if (!__get_cpuid(1, &a, &b1, &c1, &d)) return f;
  if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d)) return f;
  if (!__get_cpuid_count(7, 1, &a71, &b, &c, &d)) a71 = 0;
  const bool fma = (c1 >> 12) & 1, f16c = (c1 >> 29) & 1, aes = (c1 >> 25) & 1,
             pclmul = (c1 >> 1) & 1;
  const bool bmi = (b7 >> 3) & 1, avx2 = (b7 >> 5) & 1, bmi2 = (b7 >> 8) & 1;
  f.avx2 = SavesRegisters(0x6) && fma && f16c && aes && pclmul && bmi && avx2 && bmi2;
  f.avxvnni = f.avx2 && ((a71 >> 4) & 1);
  const bool avx512fdqcdbwvl = ((b7 >> 16) & 1) && ((b7 >> 17) & 1) && ((b7 >> 28) & 1) &&
                               ((b7 >> 30) & 1) && ((b7 >> 31) & 1);
  f.avx512 = f.avx2 && avx512fdqcdbwvl && SavesRegisters(0xE6);
  f.avx512vnni = f.avx512 && ((c7 >> 11) & 1);
  f.avx512bf16 = f.avx512 && ((a71 >> 5) & 1);
  return f;
}
#else
Features Detect() { return {}; }
#endif

const Features& Detected() {
  static const Features features = Detect();
  return features;
}

}  // namespace

std::string_view NameOf(SimdLevel level) {
  switch (level) {
    case SimdLevel::kNone:
      return "none";
    case SimdLevel::kAvx2:
      return "avx2";
    case SimdLevel::kAvxVnni:
      return "avxvnni";
    case SimdLevel::kAvx512:
      return "avx512";
    case SimdLevel::kAvx512Vnni:
      return "avx512vnni";
  }
  return "none";
}

std::span<const SimdLevel> SupportedSimdLevels() {
  static const std::vector<SimdLevel> levels = [] {
    std::vector<SimdLevel> out = {SimdLevel::kNone};
    [[maybe_unused]] const Features& f = Detected();
#if defined(EDGEML_HAVE_SIMD_avx2)
    if (f.avx2) out.push_back(SimdLevel::kAvx2);
#endif
#if defined(EDGEML_HAVE_SIMD_avxvnni)
    if (f.avxvnni) out.push_back(SimdLevel::kAvxVnni);
#endif
#if defined(EDGEML_HAVE_SIMD_avx512)
    if (f.avx512) out.push_back(SimdLevel::kAvx512);
#endif
#if defined(EDGEML_HAVE_SIMD_avx512vnni)
    if (f.avx512vnni) out.push_back(SimdLevel::kAvx512Vnni);
#endif
    if (const char* limit = std::getenv("EDGEML_SIMD")) {
      for (size_t i = 0; i < out.size(); ++i) {
        if (NameOf(out[i]) == limit) {
          out.resize(i + 1);
          break;
        }
      }
    }
    return out;
  }();
  return levels;
}

SimdLevel BestSimdLevel() { return SupportedSimdLevels().back(); }

std::string CpuModelName() {
  std::string found = "unknown";
  if (std::FILE* file = std::fopen("/proc/cpuinfo", "r")) {
    char line[512];
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, "model name", 10) != 0 && std::strncmp(line, "Model", 5) != 0)
        continue;
      const char* colon = std::strchr(line, ':');
      if (colon == nullptr || colon[1] == '\0') continue;
      found.assign(colon + 2, std::strcspn(colon + 2, "\n"));
      break;
    }
    std::fclose(file);
  }
  return found;
}

std::string CpuFeatureList() {
  const Features& f = Detected();
  std::string out;
  const auto add = [&](bool have, const char* name) {
    if (have) out += (out.empty() ? "" : " ") + std::string(name);
  };
  add(f.avx2, "avx2 fma f16c");
  add(f.avxvnni, "avx_vnni");
  add(f.avx512, "avx512f avx512bw avx512dq avx512vl avx512cd");
  add(f.avx512vnni, "avx512_vnni");
  add(f.avx512bf16, "avx512_bf16");
  return out;
}

int AvailableCpus() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    const int n = CPU_COUNT(&set);
    if (n > 0) return n;
  }
#endif
  return 1;
}

}  // namespace edgeml
