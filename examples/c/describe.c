/* Prints a model's inputs and outputs, and runs it once on zeros. */
#include <edgeml/c_api.h>
#include <stdio.h>
#include <string.h>

static void print_tensor(const char* what, const edgeml_tensor* t) {
  int32_t d;
  printf("%s %s [", what, t->name);
  for (d = 0; d < t->rank; ++d) printf("%s%d", d > 0 ? ", " : "", (int)t->dims[d]);
  printf("] %u bytes", (unsigned)t->bytes);
  if (t->scale != 0.0f) printf(", scale %g, zero point %d", t->scale, (int)t->zero_point);
  printf("\n");
}

static int fail(edgeml_model* model, edgeml_session* session) {
  fprintf(stderr, "%s\n", edgeml_last_error());
  edgeml_session_free(session);
  edgeml_model_free(model);
  return 1;
}

int main(int argc, char** argv) {
  edgeml_model* model = NULL;
  edgeml_session* session = NULL;
  edgeml_session_options options;
  edgeml_tensor tensor;
  int32_t i;
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL.tflite\n", argv[0]);
    return 2;
  }
  if (edgeml_c_abi_version() != EDGEML_C_ABI_VERSION) {
    fprintf(stderr, "the library has another ABI version\n");
    return 1;
  }
  if (edgeml_model_load(argv[1], &model) != EDGEML_OK) return fail(model, session);
  edgeml_session_options_init(&options);
  options.num_threads = 2;
  if (edgeml_session_create(model, &options, &session) != EDGEML_OK) return fail(model, session);
  for (i = 0; i < edgeml_session_num_inputs(session); ++i) {
    if (edgeml_session_input(session, i, &tensor) != EDGEML_OK) return fail(model, session);
    memset(tensor.data, 0, tensor.bytes);
    print_tensor("input", &tensor);
  }
  if (edgeml_session_run(session) != EDGEML_OK) return fail(model, session);
  for (i = 0; i < edgeml_session_num_outputs(session); ++i) {
    if (edgeml_session_output(session, i, &tensor) != EDGEML_OK) return fail(model, session);
    print_tensor("output", &tensor);
  }
  edgeml_session_free(session);
  edgeml_model_free(model);
  return 0;
}
