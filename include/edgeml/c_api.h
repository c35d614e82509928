/* Edge ML: the C interface.
 *
 * Opaque handles, plain integers and pointers; stable across releases with the same
 * EDGEML_C_ABI_VERSION. Every call that can fail returns an edgeml_status: EDGEML_OK or a code,
 * with the text of the calling thread's last error in edgeml_last_error(). Handles passed in must
 * not be null unless said so. A model may be shared by threads, a session is used by one thread at
 * a time (edgeml_session_cancel aside).
 *
 *   edgeml_model* model = NULL;
 *   if (edgeml_model_load("model.tflite", &model) != EDGEML_OK) puts(edgeml_last_error());
 */
#ifndef EDGEML_C_API_H_
#define EDGEML_C_API_H_

#include <stddef.h>
#include <stdint.h>

#include "edgeml/export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EDGEML_C_ABI_VERSION 1

typedef struct edgeml_model edgeml_model;
typedef struct edgeml_session edgeml_session;
typedef struct edgeml_thread_pool edgeml_thread_pool;

typedef enum edgeml_status {
  EDGEML_OK = 0,
  EDGEML_FAILED = 1,
  EDGEML_INVALID_ARGUMENT = 2,
  EDGEML_INVALID_MODEL = 3,
  EDGEML_UNSUPPORTED = 4,
  EDGEML_RESOURCE_EXHAUSTED = 5,
  EDGEML_NOT_FOUND = 6,
  EDGEML_UNAVAILABLE = 7,
  EDGEML_CANCELLED = 8,
  EDGEML_INTERNAL = 9
} edgeml_status;

typedef enum edgeml_dtype {
  EDGEML_DTYPE_INVALID = 0,
  EDGEML_FLOAT32 = 1,
  EDGEML_FLOAT16 = 2,
  EDGEML_BFLOAT16 = 3,
  EDGEML_FLOAT64 = 4,
  EDGEML_INT8 = 5,
  EDGEML_UINT8 = 6,
  EDGEML_INT16 = 7,
  EDGEML_UINT16 = 8,
  EDGEML_INT32 = 9,
  EDGEML_UINT32 = 10,
  EDGEML_INT64 = 11,
  EDGEML_UINT64 = 12,
  EDGEML_BOOL = 13,
  EDGEML_INT4 = 14,
  EDGEML_INT2 = 15,
  EDGEML_UINT4 = 16,
  EDGEML_COMPLEX64 = 17,
  EDGEML_COMPLEX128 = 18,
  EDGEML_STRING = 19,
  EDGEML_RESOURCE = 20,
  EDGEML_VARIANT = 21
} edgeml_dtype;

/* The ABI version of the library that was linked, to compare with EDGEML_C_ABI_VERSION. */
EDGEML_API int32_t edgeml_c_abi_version(void);
/* "0.1.0"; never freed. */
EDGEML_API const char* edgeml_version(void);
/* One line on the last failed call of this thread, "" if none; valid until the thread's next call.
 */
EDGEML_API const char* edgeml_last_error(void);

/* Maps and checks a model file. On success *model is owned by the caller. Errors:
 * EDGEML_NOT_FOUND, EDGEML_INVALID_MODEL, EDGEML_UNSUPPORTED, EDGEML_RESOURCE_EXHAUSTED. */
EDGEML_API edgeml_status edgeml_model_load(const char* path, edgeml_model** model);
/* The same from memory; the bytes are copied. */
EDGEML_API edgeml_status edgeml_model_load_bytes(const void* bytes, size_t size,
                                                 edgeml_model** model);
/* Sessions made from the model stay valid. Null is allowed. */
EDGEML_API void edgeml_model_free(edgeml_model* model);
EDGEML_API int32_t edgeml_model_num_subgraphs(const edgeml_model* model);

/* Workers that several sessions may share; `num_threads` in [1, 256] counts the calling thread. */
EDGEML_API edgeml_status edgeml_thread_pool_create(int32_t num_threads, edgeml_thread_pool** pool);
/* Sessions that use the pool keep it alive. Null is allowed. */
EDGEML_API void edgeml_thread_pool_free(edgeml_thread_pool* pool);

typedef struct edgeml_session_options {
  size_t struct_size; /* sizeof(edgeml_session_options): later versions append fields */
  int32_t num_threads;
  int32_t exact;                /* 1 = reference kernels only: bit-equal integers */
  int32_t preserve_all_tensors; /* 1 = every tensor can be read after a run */
  int32_t subgraph;
  size_t memory_cap_bytes;  /* 0 = 80 % of the machine's memory */
  edgeml_thread_pool* pool; /* null = threads of the session's own */
  /* Called before each node; returning 0 stops the run (EDGEML_CANCELLED). May be null. */
  int32_t (*progress)(void* user_data, int32_t done, int32_t total);
  void* user_data;
} edgeml_session_options;

/* Fills in the defaults: one thread, no pool, no cap of one's own. */
EDGEML_API void edgeml_session_options_init(edgeml_session_options* options);

/* Makes a session, prepared for the model's own shapes. `options` may be null. */
EDGEML_API edgeml_status edgeml_session_create(const edgeml_model* model,
                                               const edgeml_session_options* options,
                                               edgeml_session** session);
/* Null is allowed. */
EDGEML_API void edgeml_session_free(edgeml_session* session);

/* A tensor of a session. `data` and `dims` stay valid until the next resize, prepare, bind or (for
 * dynamic shapes) run. */
typedef struct edgeml_tensor {
  void* data;
  size_t bytes;
  edgeml_dtype dtype;
  int32_t rank;
  int32_t dims[8];
  const char* name; /* valid while the session lives */
  float scale;      /* 0 = not quantized; the first channel's when per-axis */
  int32_t zero_point;
} edgeml_tensor;

EDGEML_API int32_t edgeml_session_num_inputs(const edgeml_session* session);
EDGEML_API int32_t edgeml_session_num_outputs(const edgeml_session* session);
/* EDGEML_INVALID_ARGUMENT when `i` is out of range or the session is not prepared. */
EDGEML_API edgeml_status edgeml_session_input(const edgeml_session* session, int32_t i,
                                              edgeml_tensor* tensor);
EDGEML_API edgeml_status edgeml_session_output(const edgeml_session* session, int32_t i,
                                               edgeml_tensor* tensor);

/* Gives input i a new shape of `rank` (at most 8) dimensions; the next prepare or run re-plans. */
EDGEML_API edgeml_status edgeml_session_resize_input(edgeml_session* session, int32_t i,
                                                     const int32_t* dims, int32_t rank);
EDGEML_API edgeml_status edgeml_session_prepare(edgeml_session* session);
/* Caller-owned memory, used in place; null unbinds. `bytes` must be the tensor's size. */
EDGEML_API edgeml_status edgeml_session_bind_input(edgeml_session* session, int32_t i,
                                                   const void* data, size_t bytes);
EDGEML_API edgeml_status edgeml_session_bind_output(edgeml_session* session, int32_t i, void* data,
                                                    size_t bytes);
/* Runs once. EDGEML_CANCELLED, EDGEML_INVALID_MODEL, EDGEML_RESOURCE_EXHAUSTED. */
EDGEML_API edgeml_status edgeml_session_run(edgeml_session* session);
/* Makes a running edgeml_session_run return EDGEML_CANCELLED soon. Thread-safe. */
EDGEML_API void edgeml_session_cancel(edgeml_session* session);
EDGEML_API edgeml_status edgeml_session_reset_variables(edgeml_session* session);

#ifdef __cplusplus
}
#endif

#endif /* EDGEML_C_API_H_ */
