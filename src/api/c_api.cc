#include "src/api/c_api.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "edgeml/edgeml.h"

struct edgeml_model {
  edgeml::Model model;
};
struct edgeml_thread_pool {
  std::shared_ptr<edgeml::ThreadPool> pool;
};
struct edgeml_session {
  edgeml::Session session;
  std::vector<std::string> input_names, output_names;
};

namespace {

static_assert(static_cast<int>(edgeml::Code::kInternal) == EDGEML_INTERNAL);
static_assert(static_cast<int>(edgeml::Code::kUnsupported) == EDGEML_UNSUPPORTED);
static_assert(static_cast<int>(edgeml::DType::kVariant) == EDGEML_VARIANT);
static_assert(static_cast<int>(edgeml::DType::kInt8) == EDGEML_INT8);

using edgeml::c_api::Refuse;
using edgeml::c_api::Report;

thread_local std::string last_error;

edgeml_status Describe(const edgeml_session& session, bool input, int32_t i, edgeml_tensor* out) {
  if (out == nullptr) return Refuse("the tensor to fill in is null");
  const edgeml::Session& s = session.session;
  if (i < 0 || i >= (input ? s.num_inputs() : s.num_outputs()))
    return Refuse("there is no input or output of that number");
  if (!s.prepared())
    return Refuse("the session is not prepared: call edgeml_session_prepare first");
  const edgeml::TensorRef ref = input ? s.input(i) : s.output(i);
  const auto index = (input ? s.input_indices() : s.output_indices())[static_cast<size_t>(i)];
  const edgeml::TensorInfo info = s.tensor_info(index);
  std::memset(out, 0, sizeof *out);
  out->data = ref.data;
  out->bytes = ref.bytes;
  out->dtype = static_cast<edgeml_dtype>(ref.dtype);
  out->rank = static_cast<int32_t>(ref.shape.size());
  for (size_t d = 0; d < ref.shape.size() && d < 8; ++d) out->dims[d] = ref.shape[d];
  out->name = (input ? session.input_names : session.output_names)[static_cast<size_t>(i)].c_str();
  if (!info.quantization.scales.empty()) out->scale = info.quantization.scales[0];
  if (!info.quantization.zero_points.empty()) out->zero_point = info.quantization.zero_points[0];
  return EDGEML_OK;
}

}  // namespace

namespace edgeml::c_api {

edgeml_status Report(const Status& status) {
  last_error = status.message();
  return static_cast<edgeml_status>(status.code());
}

edgeml_status Refuse(const char* message) {
  last_error = message;
  return EDGEML_INVALID_ARGUMENT;
}

}  // namespace edgeml::c_api

extern "C" {

int32_t edgeml_c_abi_version(void) { return EDGEML_C_ABI_VERSION; }
const char* edgeml_version(void) { return edgeml::Version().data(); }
const char* edgeml_last_error(void) { return last_error.c_str(); }

edgeml_status edgeml_model_load(const char* path, edgeml_model** model) {
  if (path == nullptr || model == nullptr) return Refuse("path or model is null");
  auto loaded = edgeml::Model::Load(path);
  if (!loaded.ok()) return Report(loaded.status());
  *model = new edgeml_model{std::move(loaded).value()};
  return EDGEML_OK;
}

edgeml_status edgeml_model_load_bytes(const void* bytes, size_t size, edgeml_model** model) {
  if (bytes == nullptr || model == nullptr) return Refuse("bytes or model is null");
  auto loaded = edgeml::Model::FromBytes({static_cast<const std::byte*>(bytes), size});
  if (!loaded.ok()) return Report(loaded.status());
  *model = new edgeml_model{std::move(loaded).value()};
  return EDGEML_OK;
}

void edgeml_model_free(edgeml_model* model) { delete model; }
int32_t edgeml_model_num_subgraphs(const edgeml_model* model) {
  return model->model.num_subgraphs();
}

edgeml_status edgeml_thread_pool_create(int32_t num_threads, edgeml_thread_pool** pool) {
  if (pool == nullptr) return Refuse("pool is null");
  auto made = edgeml::MakeThreadPool(num_threads);
  if (!made.ok()) return Report(made.status());
  *pool = new edgeml_thread_pool{std::move(made).value()};
  return EDGEML_OK;
}

void edgeml_thread_pool_free(edgeml_thread_pool* pool) { delete pool; }

void edgeml_session_options_init_sized(edgeml_session_options* options, size_t struct_size) {
  edgeml_session_options all;
  std::memset(&all, 0, sizeof all);
  all.struct_size = std::min(struct_size, sizeof all);
  all.num_threads = 1;
  std::memcpy(options, &all, all.struct_size);
}

// What programs call that were compiled before the struct had more fields than these.
#undef edgeml_session_options_init
EDGEML_API void edgeml_session_options_init(edgeml_session_options* options) {
  edgeml_session_options_init_sized(options, offsetof(edgeml_session_options, custom_ops));
}

edgeml_status edgeml_session_create(const edgeml_model* model,
                                    const edgeml_session_options* options,
                                    edgeml_session** session) {
  if (model == nullptr || session == nullptr) return Refuse("model or session is null");
  edgeml::SessionOptions own;
  if (options != nullptr) {
    edgeml_session_options all;
    edgeml_session_options_init_sized(&all, sizeof all);
    if (options->struct_size == 0 || options->struct_size > sizeof all)
      return Refuse("struct_size is wrong: call edgeml_session_options_init first");
    std::memcpy(&all, options, options->struct_size);
    own.num_threads = all.num_threads;
    own.exact = all.exact != 0;
    own.preserve_all_tensors = all.preserve_all_tensors != 0;
    own.subgraph = all.subgraph;
    own.memory_cap_bytes = all.memory_cap_bytes;
    if (all.pool != nullptr) own.pool = all.pool->pool;
    if (all.custom_ops != nullptr) own.custom_ops = all.custom_ops->registry;
    if (all.progress != nullptr) {
      own.progress = [progress = all.progress, user = all.user_data](int done, int total) {
        return progress(user, done, total) != 0;
      };
    }
  }
  auto made = edgeml::Session::Create(model->model, own);
  if (!made.ok()) return Report(made.status());
  auto handle = std::make_unique<edgeml_session>(edgeml_session{std::move(made).value(), {}, {}});
  for (const int32_t v : handle->session.input_indices())
    handle->input_names.push_back(handle->session.tensor_info(v).name);
  for (const int32_t v : handle->session.output_indices())
    handle->output_names.push_back(handle->session.tensor_info(v).name);
  *session = handle.release();
  return EDGEML_OK;
}

void edgeml_session_free(edgeml_session* session) { delete session; }

int32_t edgeml_session_num_inputs(const edgeml_session* session) {
  return session->session.num_inputs();
}
int32_t edgeml_session_num_outputs(const edgeml_session* session) {
  return session->session.num_outputs();
}

edgeml_status edgeml_session_input(const edgeml_session* session, int32_t i,
                                   edgeml_tensor* tensor) {
  return Describe(*session, true, i, tensor);
}
edgeml_status edgeml_session_output(const edgeml_session* session, int32_t i,
                                    edgeml_tensor* tensor) {
  return Describe(*session, false, i, tensor);
}

edgeml_status edgeml_session_resize_input(edgeml_session* session, int32_t i, const int32_t* dims,
                                          int32_t rank) {
  if (rank < 0 || (dims == nullptr && rank > 0)) return Refuse("dims is null or rank negative");
  return Report(session->session.ResizeInput(i, {dims, static_cast<size_t>(rank)}));
}

edgeml_status edgeml_session_prepare(edgeml_session* session) {
  return Report(session->session.Prepare());
}

edgeml_status edgeml_session_bind_input(edgeml_session* session, int32_t i, const void* data,
                                        size_t bytes) {
  return Report(session->session.BindInput(i, data, bytes));
}
edgeml_status edgeml_session_bind_output(edgeml_session* session, int32_t i, void* data,
                                         size_t bytes) {
  return Report(session->session.BindOutput(i, data, bytes));
}

edgeml_status edgeml_session_run(edgeml_session* session) { return Report(session->session.Run()); }
void edgeml_session_cancel(edgeml_session* session) { session->session.Cancel(); }
edgeml_status edgeml_session_reset_variables(edgeml_session* session) {
  return Report(session->session.ResetVariables());
}

}  // extern "C"
