// Once shapes are settled, Run allocates nothing and takes no lock: counted by standing in for the
// C library's malloc family and mutexes. Over every model in models/ and in the test data.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "edgeml/audio_frontend.h"
#include "edgeml/edgeml.h"
#include "tests/end_to_end/custom_models.h"
#include "tests/end_to_end/test_models.h"

namespace {
std::atomic<bool> counting{false};
std::atomic<int> allocations{0}, locks{0};

void Count(std::atomic<int>& counter) {
  if (counting.load(std::memory_order_relaxed)) counter.fetch_add(1, std::memory_order_relaxed);
}
}  // namespace

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) {
  Count(allocations);
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  Count(allocations);
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  Count(allocations);
  return __libc_realloc(memory, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  Count(allocations);
  return __libc_memalign(alignment, size);
}
int pthread_mutex_lock(pthread_mutex_t* mutex) {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock real = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  Count(locks);
  return real(mutex);
}
}

namespace edgeml {
namespace {

TEST(NoAllocation, TheCountersCount) {
  counting = true;
  void* volatile memory = std::malloc(10);
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  counting = false;
  pthread_mutex_unlock(&mutex);
  std::free(memory);
  EXPECT_EQ(allocations.exchange(0), 1);
  EXPECT_EQ(locks.exchange(0), 1);
}

class NoAllocation : public testing::TestWithParam<std::string> {};

TEST_P(NoAllocation, InTheSteadyState) {
  for (const bool exact : {false, true}) {
    const auto model = Model::Load(GetParam());
    ASSERT_TRUE(model.ok()) << model.status().message();
    SessionOptions options;
    options.exact = exact;
    auto session = Session::Create(*model, options);
    ASSERT_TRUE(session.ok()) << session.status().message();
    for (int i = 0; i < session->num_inputs(); ++i) {
      const TensorRef input = session->input(i);
      if (input.bytes > 0) std::memset(input.data, 0, input.bytes);
    }
    ASSERT_TRUE(session->Run().ok());
    ASSERT_TRUE(session->Run().ok());
    counting = true;
    const Status status = session->Run();
    counting = false;
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(allocations.exchange(0), 0) << "exact " << exact;
    EXPECT_EQ(locks.exchange(0), 0) << "exact " << exact;
  }
}

TEST(NoAllocation, OfCustomOperators) {
  const DType i16 = DType::kInt16;
  const Model model =
      CustomModel({ValueOf(i16, {2, 16}), ValueOf(i16, {2, 2, 20}), ValueOf(DType::kBool, {}),
                   ValueOf(i16, {2, 2, 34})},
                  {{"SignalFramer",
                    {0},
                    {1, 2},
                    OptionsOf({{"frame_size", 20}, {"frame_step", 8}, {"prefill", 1}})},
                   {"SignalRfft", {1}, {3}, OptionsOf({{"fft_length", 32}})}},
                  {0}, {2, 3});
  auto registry = std::make_shared<CustomOpRegistry>();
  ASSERT_TRUE(AddAudioFrontendOps(*registry).ok());
  SessionOptions options;
  options.custom_ops = registry;
  auto session = Session::Create(model, options);
  ASSERT_TRUE(session.ok()) << session.status().message();
  ASSERT_TRUE(session->Run().ok());
  counting = true;
  const Status status = session->Run();
  counting = false;
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(allocations.exchange(0), 0);
  EXPECT_EQ(locks.exchange(0), 0);
}

INSTANTIATE_TEST_SUITE_P(Models, NoAllocation, testing::ValuesIn(TestModels()), ModelTestName);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NoAllocation);

}  // namespace
}  // namespace edgeml
