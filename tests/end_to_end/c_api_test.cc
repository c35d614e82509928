#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "edgeml/c_api.h"

namespace {

const std::string kFloat = std::string(EDGEML_SOURCE_DIR) + "/models/digits_float.tflite";

TEST(CApi, LoadsRunsAndFrees) {
  edgeml_model* model = nullptr;
  ASSERT_EQ(edgeml_model_load(kFloat.c_str(), &model), EDGEML_OK) << edgeml_last_error();
  EXPECT_EQ(edgeml_model_num_subgraphs(model), 1);
  edgeml_thread_pool* pool = nullptr;
  ASSERT_EQ(edgeml_thread_pool_create(2, &pool), EDGEML_OK);
  edgeml_session_options options;
  edgeml_session_options_init(&options);
  options.pool = pool;
  edgeml_session* session = nullptr;
  ASSERT_EQ(edgeml_session_create(model, &options, &session), EDGEML_OK) << edgeml_last_error();
  edgeml_model_free(model);  // sessions keep what they need
  edgeml_thread_pool_free(pool);

  edgeml_tensor input, output;
  ASSERT_EQ(edgeml_session_input(session, 0, &input), EDGEML_OK);
  EXPECT_EQ(input.dtype, EDGEML_FLOAT32);
  EXPECT_EQ(input.bytes, 256u);
  std::memset(input.data, 0, input.bytes);
  ASSERT_EQ(edgeml_session_run(session), EDGEML_OK) << edgeml_last_error();
  ASSERT_EQ(edgeml_session_output(session, 0, &output), EDGEML_OK);
  ASSERT_EQ(output.rank, 2);
  EXPECT_EQ(output.dims[1], 10);
  float sum = 0;
  for (int i = 0; i < 10; ++i) sum += static_cast<const float*>(output.data)[i];
  EXPECT_NEAR(sum, 1.0f, 1e-5);

  EXPECT_EQ(edgeml_session_input(session, 3, &input), EDGEML_INVALID_ARGUMENT);
  EXPECT_NE(std::string(edgeml_last_error()), "");
  edgeml_session_free(session);
}

TEST(CApi, ReportsErrors) {
  edgeml_model* model = nullptr;
  EXPECT_EQ(edgeml_model_load("/nowhere", &model), EDGEML_NOT_FOUND);
  EXPECT_NE(std::string(edgeml_last_error()).find("/nowhere"), std::string::npos);
  EXPECT_EQ(edgeml_model_load_bytes("hello", 5, &model), EDGEML_INVALID_MODEL);
  EXPECT_EQ(edgeml_model_load(nullptr, &model), EDGEML_INVALID_ARGUMENT);
  EXPECT_EQ(model, nullptr);
  edgeml_model_free(nullptr);
  edgeml_session_free(nullptr);
}

int32_t StopAtTwo(void* calls, int32_t done, int32_t) {
  ++*static_cast<int*>(calls);
  return done < 2;
}

TEST(CApi, ProgressCanStop) {
  edgeml_model* model = nullptr;
  ASSERT_EQ(edgeml_model_load(kFloat.c_str(), &model), EDGEML_OK);
  edgeml_session_options options;
  edgeml_session_options_init(&options);
  int calls = 0;
  options.progress = StopAtTwo;
  options.user_data = &calls;
  edgeml_session* session = nullptr;
  ASSERT_EQ(edgeml_session_create(model, &options, &session), EDGEML_OK);
  EXPECT_EQ(edgeml_session_run(session), EDGEML_CANCELLED);
  EXPECT_EQ(calls, 3);
  edgeml_session_free(session);
  edgeml_model_free(model);
}

}  // namespace
