// Protobuf messages out of bytes that nobody vouches for. Only sources of this room include it.
#ifndef EDGEML_FORMATS_SAVEDMODEL_MESSAGES_H_
#define EDGEML_FORMATS_SAVEDMODEL_MESSAGES_H_

#include <google/protobuf/arena.h>

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "edgeml/status.h"
#include "src/base/strings.h"
#include "tensorflow.pb.h"

namespace edgeml::savedmodel {

// What Protobuf can hold in one message. Its depth is limited by the library, to 100. The objects
// take at most some eighty times the bytes of a file made to that end; real files are mostly
// weights and names, and take about as much as their bytes.
inline constexpr size_t kMaxMessageBytes = std::numeric_limits<int32_t>::max();

// Parses a message of type T; it lives as long as the pointer or a copy of it. kInvalidModel unless
// the bytes are one; `what` names it in the message: "the graph".
template <typename T>
Result<std::shared_ptr<const T>> ParseMessage(std::span<const std::byte> bytes,
                                              std::string_view what) {
  if (bytes.size() > kMaxMessageBytes)
    return Error(Code::kInvalidModel, what, " has ", HumanBytes(bytes.size()),
                 "; the format ends at 2 GB");
  const auto arena = std::make_shared<google::protobuf::Arena>();
  T* const message = google::protobuf::Arena::CreateMessage<T>(arena.get());
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Error(Code::kInvalidModel, what,
                 " is damaged or cut off (its protobuf message cannot be parsed)");
  return std::shared_ptr<const T>(arena, message);
}

}  // namespace edgeml::savedmodel

#endif  // EDGEML_FORMATS_SAVEDMODEL_MESSAGES_H_
