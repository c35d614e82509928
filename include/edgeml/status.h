// Errors as values: Status and Result<T>.
//
// No call of the library throws, and none aborts on what a file, a peer or a user may cause. A call
// that can fail returns a Status, or a Result<T> that holds either a value or a Status. Both are
// [[nodiscard]].
#ifndef EDGEML_STATUS_H_
#define EDGEML_STATUS_H_

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "edgeml/export.h"

namespace edgeml {

// What kind of failure. The command's exit code follows from it (ExitCode below).
enum class Code : int {
  kOk = 0,
  kFailed = 1,             // the work itself failed: a write, a verification, a budget not met
  kInvalidArgument = 2,    // the caller's fault: wrong option, wrong shape or type of an input
  kInvalidModel = 3,       // a file whose content is malformed, truncated or inconsistent
  kUnsupported = 4,        // a valid file that asks for an operator, type or feature we do not have
  kResourceExhausted = 5,  // would need more memory than the cap allows
  kNotFound = 6,           // a file, tensor, signature or library that is not there
  kUnavailable = 7,        // a remote that does not answer
  kCancelled = 8,          // stopped on request
  kInternal = 9,           // our own mistake; please report
};

// The standard name of a code, e.g. "invalid model".
EDGEML_API std::string_view CodeName(Code code);

// The exit code of the `edgeml` command: 0 done, 1 failed, 2 usage, 3 bad input file, 4 unsupported
// or over the memory cap, 5 remote not reachable, 130 interrupted. kNotFound maps to 3.
EDGEML_API int ExitCode(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status Ok() { return Status(); }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  // One line: what, where, how to mend. Empty when ok.
  const std::string& message() const { return message_; }

  // The same error with "context: " put in front of its message. No effect on an ok status.
  Status WithContext(std::string_view context) && {
    if (!ok()) message_.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

// Either a value or the Status that says why there is none (never an ok Status).
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {  // NOLINT: likewise
    assert(!std::get<1>(state_).ok());
  }

  bool ok() const { return state_.index() == 0; }
  const Status& status() const {
    static const Status kOkStatus;
    return ok() ? kOkStatus : *std::get_if<1>(&state_);
  }

  // REQUIRES: ok().
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace edgeml

// Returns the Status of `expr` from the enclosing function unless it is ok.
#define EDGEML_RETURN_IF_ERROR(expr)                                                           \
  do {                                                                                         \
    if (::edgeml::Status edgeml_status_ = (expr); !edgeml_status_.ok()) return edgeml_status_; \
  } while (false)

#define EDGEML_CONCAT_INNER_(a, b) a##b
#define EDGEML_CONCAT_(a, b) EDGEML_CONCAT_INNER_(a, b)

// Evaluates `expr` (a Result<T>); on error returns its Status, else assigns the value to `lhs`,
// which may be a declaration: EDGEML_ASSIGN_OR_RETURN(auto model, Model::Load(path)).
#define EDGEML_ASSIGN_OR_RETURN(lhs, expr) \
  EDGEML_ASSIGN_OR_RETURN_(EDGEML_CONCAT_(edgeml_result_, __LINE__), lhs, expr)
#define EDGEML_ASSIGN_OR_RETURN_(result, lhs, expr) \
  auto result = (expr);                             \
  if (!result.ok()) return result.status();         \
  lhs = std::move(result).value()

#endif  // EDGEML_STATUS_H_
