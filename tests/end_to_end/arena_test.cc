// The planned arena of every test model is within 10 % of its lower bound, and small next to it.
#include <gtest/gtest.h>

#include <cstdio>

#include "edgeml/edgeml.h"
#include "tests/end_to_end/test_models.h"

namespace edgeml {
namespace {

class Arena : public testing::TestWithParam<std::string> {};

TEST_P(Arena, WithinTenPercentOfTheBound) {
  const auto model = Model::Load(GetParam());
  ASSERT_TRUE(model.ok()) << model.status().message();
  for (const bool exact : {true, false}) {
    SessionOptions options;
    options.exact = exact;
    auto session = Session::Create(*model, options);
    ASSERT_TRUE(session.ok()) << session.status().message();
    const MemoryPlan plan = session->memory_plan();
    ASSERT_GT(plan.lower_bound_bytes, 0u);
    const double ratio =
        static_cast<double>(plan.arena_bytes) / static_cast<double>(plan.lower_bound_bytes);
    std::printf("%-60s %s arena %9zu bound %9zu ratio %.3f\n",
                std::filesystem::path(GetParam()).filename().c_str(),
                exact ? "reference" : "cpu      ", plan.arena_bytes, plan.lower_bound_bytes, ratio);
    EXPECT_LE(ratio, 1.10);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Arena, testing::ValuesIn(TestModels()), ModelTestName);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Arena);

}  // namespace
}  // namespace edgeml
