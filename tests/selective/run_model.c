/* Runs a model once on made-up bytes and prints a hash of each output: run_model MODEL.tflite */
#include <stdint.h>
#include <stdio.h>

#include "edgeml/c_api.h"

static int Fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, edgeml_last_error());
  return 1;
}

int main(int argc, char** argv) {
  edgeml_model* model = NULL;
  edgeml_session* session = NULL;
  edgeml_session_options options;
  edgeml_tensor tensor;
  int32_t i;
  size_t k;
  if (argc != 2) return 2;
  if (edgeml_model_load(argv[1], &model) != EDGEML_OK) return Fail("load");
  edgeml_session_options_init(&options);
  if (edgeml_session_create(model, &options, &session) != EDGEML_OK) return Fail("create");
  if (edgeml_session_prepare(session) != EDGEML_OK) return Fail("prepare");
  for (i = 0; i < edgeml_session_num_inputs(session); ++i) {
    if (edgeml_session_input(session, i, &tensor) != EDGEML_OK) return Fail("input");
    if (tensor.dtype == EDGEML_FLOAT32) {
      for (k = 0; k < tensor.bytes / sizeof(float); ++k)
        ((float*)tensor.data)[k] = (float)(k * 7919u % 256u) / 256.0f;
    } else {
      for (k = 0; k < tensor.bytes; ++k) ((uint8_t*)tensor.data)[k] = (uint8_t)((k * 7919u) >> 3);
    }
  }
  if (edgeml_session_run(session) != EDGEML_OK) return Fail("run");
  for (i = 0; i < edgeml_session_num_outputs(session); ++i) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    if (edgeml_session_output(session, i, &tensor) != EDGEML_OK) return Fail("output");
    for (k = 0; k < tensor.bytes; ++k) hash = (hash ^ ((const uint8_t*)tensor.data)[k]) * 16777619u;
    printf("output %d: %zu bytes, %08x\n", (int)i, tensor.bytes, (unsigned)hash);
  }
  edgeml_session_free(session);
  edgeml_model_free(model);
  return 0;
}
