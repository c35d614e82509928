// A non-owning reference to a callable: two pointers, no allocation. Valid while the callable
// lives.
#ifndef EDGEML_BASE_FUNCTION_REF_H_
#define EDGEML_BASE_FUNCTION_REF_H_

#include <memory>
#include <type_traits>
#include <utility>

namespace edgeml {

template <typename Signature>
class FunctionRef;

template <typename R, typename... Args>
class FunctionRef<R(Args...)> {
 public:
  template <typename F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
      FunctionRef(F&& f)  // NOLINT: implicit by design
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}

  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace edgeml

#endif  // EDGEML_BASE_FUNCTION_REF_H_
