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

/* Custom operators of one's own; below. */
typedef struct edgeml_custom_ops edgeml_custom_ops;

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
  const edgeml_custom_ops* custom_ops; /* null = none; not to be changed any more */
} edgeml_session_options;

/* Fills in the defaults: one thread, no pool, no cap of one's own. A program has it called with the
 * size of the struct that it was compiled with. */
EDGEML_API void edgeml_session_options_init_sized(edgeml_session_options* options,
                                                  size_t struct_size);
#define edgeml_session_options_init(options) \
  edgeml_session_options_init_sized((options), sizeof(edgeml_session_options))

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

/* Custom operators
 * ---------------------------------------------------------------------------------
 *
 * A model names custom operators by a string. A set of edgeml_custom_ops says by functions of one's
 * own what runs them, and is handed to a session by its options:
 *
 *   edgeml_custom_op op = {0};
 *   op.struct_size = sizeof op;
 *   op.name = "MyOp";
 *   op.prepare = my_prepare;
 *   op.run = my_run;
 *   edgeml_custom_ops_create(&ops);
 *   edgeml_custom_ops_add(ops, &op);
 *   options.custom_ops = ops;
 *
 * docs/custom-operators.md has a whole program. */

/* A node that is being prepared or run. Valid during the callback that it was handed to. */
typedef struct edgeml_custom_node edgeml_custom_node;

/* A tensor of such a node. Its pointers are valid during the callback. */
typedef struct edgeml_custom_tensor {
  void* data; /* in `prepare` null unless is_constant; inputs must not be written */
  size_t bytes;
  edgeml_dtype dtype; /* EDGEML_DTYPE_INVALID: absent, an optional input or an unwanted output */
  int32_t rank;       /* 0 for an output whose shape is not set */
  int32_t dims[8];
  int32_t is_constant;
  int32_t quantized_dimension;
  size_t num_scales; /* 0 = not quantized, 1 = for the tensor, else per index of the dimension */
  const float* scales;
  const int64_t* zero_points; /* as many; may be null, for zeros */
} edgeml_custom_tensor;

/* Callbacks return EDGEML_OK, or what edgeml_custom_fail returns. `user_data` is that of the
 * struct, `state` that of one node of one session: null until `prepare` sets it. The callbacks of a
 * session come from the thread that uses the session. */
typedef struct edgeml_custom_op {
  size_t struct_size;  /* sizeof(edgeml_custom_op): later versions append fields */
  const char* name;    /* copied */
  int32_t min_version; /* 0 = 1 */
  int32_t max_version; /* 0 = any from min_version on */
  void* user_data;
  /* Called when the inputs' shapes are known, and again when they change or the session is prepared
   * anew. Sets the outputs' shapes and checks everything that `run` relies on. */
  edgeml_status (*prepare)(void* user_data, edgeml_custom_node* node, void** state);
  /* Writes every element of every output. Should neither allocate nor take a lock. */
  edgeml_status (*run)(void* user_data, edgeml_custom_node* node, void* state);
  /* Forgets what earlier runs left behind (edgeml_session_reset_variables). May be null. */
  void (*reset)(void* user_data, void* state);
  /* Called for every state that `prepare` has set, when its session ends. May be null. */
  void (*free_state)(void* user_data, void* state);
  /* Called when neither the set nor a session uses the operator any more. May be null. */
  void (*free_user_data)(void* user_data);
} edgeml_custom_op;

EDGEML_API edgeml_status edgeml_custom_ops_create(edgeml_custom_ops** ops);
/* Sessions that use the set keep what they need. Null is allowed. */
EDGEML_API void edgeml_custom_ops_free(edgeml_custom_ops* ops);
/* EDGEML_INVALID_ARGUMENT: a wrong struct_size, no name, prepare or run, or a name and version that
 * is there already or built in; free_user_data is not called then. */
EDGEML_API edgeml_status edgeml_custom_ops_add(edgeml_custom_ops* ops, const edgeml_custom_op* op);

/* Says what went wrong (copied; a printf format is not interpreted) and returns `status`. */
EDGEML_API edgeml_status edgeml_custom_fail(edgeml_custom_node* node, edgeml_status status,
                                            const char* message);

EDGEML_API int32_t edgeml_custom_version(const edgeml_custom_node* node);
EDGEML_API int32_t edgeml_custom_num_inputs(const edgeml_custom_node* node);
EDGEML_API int32_t edgeml_custom_num_outputs(const edgeml_custom_node* node);
/* EDGEML_INVALID_ARGUMENT when `i` is out of range. */
EDGEML_API edgeml_status edgeml_custom_input(const edgeml_custom_node* node, int32_t i,
                                             edgeml_custom_tensor* tensor);
EDGEML_API edgeml_status edgeml_custom_output(const edgeml_custom_node* node, int32_t i,
                                              edgeml_custom_tensor* tensor);
/* What the model keeps for the operator: any bytes, by convention a FlexBuffers map. */
EDGEML_API const uint8_t* edgeml_custom_options(const edgeml_custom_node* node, size_t* size);
/* The number that such a map holds under `key`. EDGEML_NOT_FOUND. Safe on any bytes. */
EDGEML_API edgeml_status edgeml_custom_option(const edgeml_custom_node* node, const char* key,
                                              double* value);

/* The following four in `prepare` only, else EDGEML_INVALID_ARGUMENT. Every output that is present
 * needs one of the first two. `rank` is at most 8, dimensions are at least 0. */
EDGEML_API edgeml_status edgeml_custom_set_output_shape(edgeml_custom_node* node, int32_t i,
                                                        const int32_t* dims, int32_t rank);
/* The shape depends on values: `run` calls edgeml_custom_resize_output. */
EDGEML_API edgeml_status edgeml_custom_leave_output_open(edgeml_custom_node* node, int32_t i);
/* Memory that lives during `run` only, 64-byte aligned; *index is for edgeml_custom_workspace. */
EDGEML_API edgeml_status edgeml_custom_request_workspace(edgeml_custom_node* node, size_t bytes,
                                                         int32_t* index);
/* Counts memory that `state` keeps against the session's memory cap; to be called before it is
 * allocated when its size comes from the model. EDGEML_RESOURCE_EXHAUSTED. */
EDGEML_API edgeml_status edgeml_custom_reserve_state(edgeml_custom_node* node, size_t bytes);

/* The following in `run` only. Null when there is no such workspace. */
EDGEML_API void* edgeml_custom_workspace(const edgeml_custom_node* node, int32_t index);
/* Gives an output that was left open its shape; ask edgeml_custom_output for its memory then. */
EDGEML_API edgeml_status edgeml_custom_resize_output(edgeml_custom_node* node, int32_t i,
                                                     const int32_t* dims, int32_t rank);
/* 1 once a stop was asked for; long runs poll it and fail with EDGEML_CANCELLED. */
EDGEML_API int32_t edgeml_custom_cancelled(const edgeml_custom_node* node);

#ifdef __cplusplus
}
#endif

#endif /* EDGEML_C_API_H_ */
