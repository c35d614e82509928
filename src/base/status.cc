#include "edgeml/status.h"

namespace edgeml {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kFailed:
      return "failed";
    case Code::kInvalidArgument:
      return "invalid argument";
    case Code::kInvalidModel:
      return "invalid model";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kResourceExhausted:
      return "resource exhausted";
    case Code::kNotFound:
      return "not found";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kCancelled:
      return "cancelled";
    case Code::kInternal:
      return "internal";
  }
  return "unknown";
}

int ExitCode(Code code) {
  switch (code) {
    case Code::kOk:
      return 0;
    case Code::kInvalidArgument:
      return 2;
    case Code::kInvalidModel:
    case Code::kNotFound:
      return 3;
    case Code::kUnsupported:
    case Code::kResourceExhausted:
      return 4;
    case Code::kUnavailable:
      return 5;
    case Code::kCancelled:
      return 130;
    case Code::kFailed:
    case Code::kInternal:
      return 1;
  }
  return 1;
}

}  // namespace edgeml
