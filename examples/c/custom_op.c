/* Runs examples/peak_hold.tflite, whose one operator, PeakHold, is implemented here:
 * y = max(x, decay * y of the run before), a meter's needle that falls slowly. */
#include <edgeml/c_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct peak_hold {
  float decay;
  size_t count;
  float* peaks;
} peak_hold;

static void free_state(void* user_data, void* state) {
  peak_hold* hold = state;
  (void)user_data;
  free(hold->peaks);
  free(hold);
}

static edgeml_status prepare(void* user_data, edgeml_custom_node* node, void** state) {
  edgeml_custom_tensor in, out;
  edgeml_status status;
  peak_hold* hold = *state; /* of an earlier preparation, or null */
  double decay = 0;
  (void)user_data;
  if (edgeml_custom_num_inputs(node) != 1 || edgeml_custom_num_outputs(node) != 1 ||
      edgeml_custom_input(node, 0, &in) != EDGEML_OK ||
      edgeml_custom_output(node, 0, &out) != EDGEML_OK || in.dtype != EDGEML_FLOAT32 ||
      out.dtype != EDGEML_FLOAT32)
    return edgeml_custom_fail(node, EDGEML_INVALID_MODEL, "takes one float32 tensor, gives one");
  if (edgeml_custom_option(node, "decay", &decay) != EDGEML_OK)
    return edgeml_custom_fail(node, EDGEML_INVALID_MODEL, "its options have no number 'decay'");
  edgeml_custom_set_output_shape(node, 0, in.dims, in.rank);
  /* The shape is the model's: ask before memory of that size is allocated. */
  status = edgeml_custom_reserve_state(node, in.bytes);
  if (status != EDGEML_OK) return status;
  if (hold == NULL) {
    hold = calloc(1, sizeof *hold);
    if (hold == NULL) return edgeml_custom_fail(node, EDGEML_RESOURCE_EXHAUSTED, "out of memory");
    *state = hold;
  }
  free(hold->peaks);
  hold->decay = (float)decay;
  hold->count = in.bytes / sizeof(float);
  hold->peaks = calloc(hold->count + 1, sizeof(float));
  if (hold->peaks == NULL)
    return edgeml_custom_fail(node, EDGEML_RESOURCE_EXHAUSTED, "out of memory");
  return EDGEML_OK;
}

static edgeml_status run(void* user_data, edgeml_custom_node* node, void* state) {
  edgeml_custom_tensor in, out;
  peak_hold* hold = state;
  size_t i;
  (void)user_data;
  if (edgeml_custom_input(node, 0, &in) != EDGEML_OK ||
      edgeml_custom_output(node, 0, &out) != EDGEML_OK)
    return edgeml_custom_fail(node, EDGEML_INTERNAL, edgeml_last_error());
  for (i = 0; i < hold->count; ++i) {
    const float x = ((const float*)in.data)[i], held = hold->decay * hold->peaks[i];
    hold->peaks[i] = x > held ? x : held;
  }
  memcpy(out.data, hold->peaks, out.bytes);
  return EDGEML_OK;
}

static void reset(void* user_data, void* state) {
  peak_hold* hold = state;
  (void)user_data;
  memset(hold->peaks, 0, hold->count * sizeof(float));
}

int main(int argc, char** argv) {
  const float loudness[] = {1.0f, 0.0f, 0.2f};
  edgeml_model* model = NULL;
  edgeml_custom_ops* ops = NULL;
  edgeml_session* session = NULL;
  edgeml_session_options options;
  edgeml_custom_op op;
  edgeml_tensor in, out;
  int failed = 1;
  size_t i, k;
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL.tflite\n", argv[0]);
    return 2;
  }
  memset(&op, 0, sizeof op);
  op.struct_size = sizeof op;
  op.name = "PeakHold";
  op.prepare = prepare;
  op.run = run;
  op.reset = reset;
  op.free_state = free_state;
  edgeml_session_options_init(&options);
  if (edgeml_model_load(argv[1], &model) != EDGEML_OK) goto end;
  if (edgeml_custom_ops_create(&ops) != EDGEML_OK) goto end;
  if (edgeml_custom_ops_add(ops, &op) != EDGEML_OK) goto end;
  options.custom_ops = ops;
  if (edgeml_session_create(model, &options, &session) != EDGEML_OK) goto end;
  for (i = 0; i < sizeof loudness / sizeof loudness[0]; ++i) {
    if (edgeml_session_input(session, 0, &in) != EDGEML_OK) goto end;
    for (k = 0; k < in.bytes / sizeof(float); ++k) ((float*)in.data)[k] = loudness[i];
    if (edgeml_session_run(session) != EDGEML_OK) goto end;
    if (edgeml_session_output(session, 0, &out) != EDGEML_OK) goto end;
    printf("%.3f\n", ((const float*)out.data)[0]);
  }
  failed = 0;
end:
  if (failed) fprintf(stderr, "%s\n", edgeml_last_error());
  edgeml_session_free(session);
  edgeml_custom_ops_free(ops);
  edgeml_model_free(model);
  return failed;
}
