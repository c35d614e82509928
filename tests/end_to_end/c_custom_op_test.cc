// Custom operators by the C interface.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "edgeml/c_api.h"
#include "tests/end_to_end/custom_models.h"

namespace {

struct Counts {
  int states = 0, freed_states = 0, resets = 0, freed_user_data = 0;
};

// Output 0 [n]: input 0 times the option "factor" plus the number of runs before. Output 1: how
// many elements of the input are positive, [1]; its shape is left open.
edgeml_status Prepare(void* user_data, edgeml_custom_node* node, void** state) {
  edgeml_custom_tensor tensor;
  EXPECT_EQ(edgeml_custom_num_inputs(node), 2);
  EXPECT_EQ(edgeml_custom_num_outputs(node), 2);
  EXPECT_EQ(edgeml_custom_version(node), 1);
  EXPECT_EQ(edgeml_custom_input(node, 2, &tensor), EDGEML_INVALID_ARGUMENT);
  EXPECT_EQ(edgeml_custom_output(node, -1, &tensor), EDGEML_INVALID_ARGUMENT);
  size_t size = 0;
  EXPECT_NE(edgeml_custom_options(node, &size), nullptr);
  EXPECT_GT(size, 0u);
  double factor = 0;
  EXPECT_EQ(edgeml_custom_option(node, "absent", &factor), EDGEML_NOT_FOUND);
  if (edgeml_custom_option(node, "factor", &factor) != EDGEML_OK)
    return edgeml_custom_fail(node, EDGEML_INVALID_MODEL, "no factor");
  EXPECT_EQ(edgeml_custom_input(node, 1, &tensor), EDGEML_OK);
  EXPECT_EQ(tensor.is_constant, 1);
  EXPECT_EQ(tensor.dtype, EDGEML_INT8);
  EXPECT_EQ(static_cast<const int8_t*>(tensor.data)[1], 7);
  EXPECT_EQ(tensor.num_scales, 2u);
  EXPECT_EQ(tensor.scales[1], 0.25f);
  EXPECT_EQ(tensor.zero_points[1], 3);
  EXPECT_EQ(edgeml_custom_input(node, 0, &tensor), EDGEML_OK);
  EXPECT_EQ(tensor.data, nullptr);
  EXPECT_EQ(tensor.rank, 2);
  EXPECT_EQ(edgeml_custom_set_output_shape(node, 2, tensor.dims, tensor.rank),
            EDGEML_INVALID_ARGUMENT);
  EXPECT_EQ(edgeml_custom_set_output_shape(node, 0, tensor.dims, tensor.rank), EDGEML_OK);
  EXPECT_EQ(edgeml_custom_leave_output_open(node, 1), EDGEML_OK);
  EXPECT_EQ(edgeml_custom_resize_output(node, 1, tensor.dims, 1), EDGEML_INVALID_ARGUMENT);
  int32_t index = -1;
  EXPECT_EQ(edgeml_custom_request_workspace(node, 4, &index), EDGEML_OK);
  EXPECT_EQ(index, 0);
  EXPECT_EQ(edgeml_custom_workspace(node, index), nullptr);
  EXPECT_EQ(edgeml_custom_reserve_state(node, static_cast<size_t>(-1)), EDGEML_RESOURCE_EXHAUSTED);
  EXPECT_EQ(edgeml_custom_reserve_state(node, sizeof(float)), EDGEML_OK);
  if (*state == nullptr) {
    *state = new float;
    ++static_cast<Counts*>(user_data)->states;
  }
  *static_cast<float*>(*state) = 0;
  return EDGEML_OK;
}

edgeml_status Run(void*, edgeml_custom_node* node, void* state) {
  edgeml_custom_tensor in, out, count;
  double factor = 0;
  EXPECT_EQ(edgeml_custom_option(node, "factor", &factor), EDGEML_OK);
  EXPECT_EQ(edgeml_custom_input(node, 0, &in), EDGEML_OK);
  EXPECT_EQ(edgeml_custom_output(node, 0, &out), EDGEML_OK);
  EXPECT_EQ(edgeml_custom_set_output_shape(node, 0, in.dims, 1), EDGEML_INVALID_ARGUMENT);
  EXPECT_EQ(edgeml_custom_cancelled(node), 0);
  auto* const positive = static_cast<int32_t*>(edgeml_custom_workspace(node, 0));
  EXPECT_NE(positive, nullptr);
  EXPECT_EQ(edgeml_custom_workspace(node, 1), nullptr);
  *positive = 0;
  auto* const runs = static_cast<float*>(state);
  for (size_t i = 0; i < in.bytes / sizeof(float); ++i) {
    const float x = static_cast<const float*>(in.data)[i];
    if (x > 100) return edgeml_custom_fail(node, EDGEML_INVALID_ARGUMENT, "an input above 100");
    if (x < -100) return EDGEML_INTERNAL;
    *positive += x > 0;
    static_cast<float*>(out.data)[i] = static_cast<float>(factor) * x + *runs;
  }
  ++*runs;
  const int32_t one = 1;
  EXPECT_EQ(edgeml_custom_resize_output(node, 0, &one, 1), EDGEML_INVALID_ARGUMENT);
  EXPECT_EQ(edgeml_custom_resize_output(node, 1, &one, 1), EDGEML_OK);
  EXPECT_EQ(edgeml_custom_output(node, 1, &count), EDGEML_OK);
  std::memcpy(count.data, positive, sizeof *positive);
  return EDGEML_OK;
}

edgeml_custom_op Op(Counts* counts) {
  edgeml_custom_op op;
  std::memset(&op, 0, sizeof op);
  op.struct_size = sizeof op;
  op.name = "Scale";
  op.user_data = counts;
  op.prepare = Prepare;
  op.run = Run;
  op.reset = [](void* user_data, void* state) {
    ++static_cast<Counts*>(user_data)->resets;
    *static_cast<float*>(state) = 0;
  };
  op.free_state = [](void* user_data, void* state) {
    ++static_cast<Counts*>(user_data)->freed_states;
    delete static_cast<float*>(state);
  };
  op.free_user_data = [](void* user_data) { ++static_cast<Counts*>(user_data)->freed_user_data; };
  return op;
}

edgeml_model* LoadModel() {
  using edgeml::DType;
  auto constant = edgeml::ConstantOf<int8_t>(DType::kInt8, {2}, {5, 7});
  constant.quantization.scale = {0.5f, 0.25f};
  constant.quantization.zero_point = {1, 3};
  const auto bytes = edgeml::CustomModelBytes(
      {edgeml::ValueOf(DType::kFloat32, {1, 3}), constant, edgeml::ValueOf(DType::kFloat32, {1, 3}),
       edgeml::ValueOf(DType::kInt32, {1})},
      {{"Scale", {0, 1}, {2, 3}, edgeml::OptionsOf({{"factor", 2}})}}, {0}, {2, 3});
  edgeml_model* model = nullptr;
  EXPECT_EQ(edgeml_model_load_bytes(bytes.data(), bytes.size(), &model), EDGEML_OK)
      << edgeml_last_error();
  return model;
}

TEST(CCustomOp, RunsWithState) {
  Counts counts;
  edgeml_model* const model = LoadModel();
  edgeml_custom_ops* ops = nullptr;
  ASSERT_EQ(edgeml_custom_ops_create(&ops), EDGEML_OK);
  const edgeml_custom_op op = Op(&counts);
  ASSERT_EQ(edgeml_custom_ops_add(ops, &op), EDGEML_OK) << edgeml_last_error();
  EXPECT_EQ(edgeml_custom_ops_add(ops, &op), EDGEML_INVALID_ARGUMENT);
  EXPECT_NE(std::string(edgeml_last_error()).find("registered already"), std::string::npos);
  EXPECT_EQ(counts.freed_user_data, 0);
  edgeml_session_options options;
  edgeml_session_options_init(&options);
  EXPECT_EQ(options.struct_size, sizeof options);
  options.custom_ops = ops;
  edgeml_session* session = nullptr;
  ASSERT_EQ(edgeml_session_create(model, &options, &session), EDGEML_OK) << edgeml_last_error();
  edgeml_custom_ops_free(ops);  // sessions keep what they need
  edgeml_model_free(model);

  edgeml_tensor in, out, count;
  const auto run = [&](float a, float b, float c) {
    EXPECT_EQ(edgeml_session_input(session, 0, &in), EDGEML_OK);
    const float values[] = {a, b, c};
    std::memcpy(in.data, values, sizeof values);
    const edgeml_status status = edgeml_session_run(session);
    EXPECT_EQ(edgeml_session_output(session, 0, &out), EDGEML_OK);
    EXPECT_EQ(edgeml_session_output(session, 1, &count), EDGEML_OK);
    return status;
  };
  for (const float before : {0.0f, 1.0f}) {
    ASSERT_EQ(run(1, 2, -3), EDGEML_OK) << edgeml_last_error();
    EXPECT_EQ(static_cast<const float*>(out.data)[1], 4 + before);
    EXPECT_EQ(static_cast<const int32_t*>(count.data)[0], 2);
  }
  EXPECT_EQ(run(1, 200, 3), EDGEML_INVALID_ARGUMENT);
  EXPECT_STREQ(edgeml_last_error(), "node 0 (Scale): an input above 100");
  EXPECT_EQ(run(1, -200, 3), EDGEML_INTERNAL);
  EXPECT_STREQ(edgeml_last_error(),
               "node 0 (Scale): its callback failed without edgeml_custom_fail");
  ASSERT_EQ(edgeml_session_reset_variables(session), EDGEML_OK);
  ASSERT_EQ(run(1, 2, -3), EDGEML_OK);
  EXPECT_EQ(static_cast<const float*>(out.data)[1], 4);
  EXPECT_EQ(counts.freed_user_data, 0);
  edgeml_session_free(session);
  EXPECT_EQ(counts.states, 1);
  EXPECT_EQ(counts.freed_states, 1);
  EXPECT_EQ(counts.resets, 1);
  EXPECT_EQ(counts.freed_user_data, 1);
}

TEST(CCustomOp, ChecksTheStruct) {
  Counts counts;
  edgeml_custom_ops* ops = nullptr;
  ASSERT_EQ(edgeml_custom_ops_create(&ops), EDGEML_OK);
  edgeml_custom_op op = Op(&counts);
  for (const size_t size : {size_t{0}, size_t{8}, sizeof op + 8}) {
    op.struct_size = size;
    EXPECT_EQ(edgeml_custom_ops_add(ops, &op), EDGEML_INVALID_ARGUMENT) << size;
  }
  op = Op(&counts);
  op.run = nullptr;
  EXPECT_EQ(edgeml_custom_ops_add(ops, &op), EDGEML_INVALID_ARGUMENT);
  op = Op(&counts);
  op.min_version = 2;
  op.max_version = 1;
  EXPECT_EQ(edgeml_custom_ops_add(ops, &op), EDGEML_INVALID_ARGUMENT);
  op = Op(&counts);
  op.struct_size = offsetof(edgeml_custom_op, reset);  // of a program without the fields behind
  EXPECT_EQ(edgeml_custom_ops_add(ops, &op), EDGEML_OK) << edgeml_last_error();
  edgeml_custom_ops_free(ops);
  EXPECT_EQ(counts.freed_user_data, 0);
}

// The options that a program of an earlier release knows end before custom_ops.
#undef edgeml_session_options_init
extern "C" void edgeml_session_options_init(edgeml_session_options* options);

TEST(CCustomOp, OlderProgramsKeepTheirOptions) {
  edgeml_session_options options;
  std::memset(&options, 0x55, sizeof options);
  edgeml_session_options_init(&options);
  EXPECT_EQ(options.struct_size, offsetof(edgeml_session_options, custom_ops));
  EXPECT_EQ(options.num_threads, 1);
  EXPECT_NE(options.custom_ops, nullptr);  // not theirs: left alone, and not looked at
  edgeml_model* const model = LoadModel();
  edgeml_session* session = nullptr;
  EXPECT_EQ(edgeml_session_create(model, &options, &session), EDGEML_UNSUPPORTED);
  edgeml_model_free(model);
}

}  // namespace
