// What the sources of the C interface share.
#ifndef EDGEML_API_C_API_H_
#define EDGEML_API_C_API_H_

#include <memory>

#include "edgeml/c_api.h"
#include "edgeml/custom_op.h"

struct edgeml_custom_ops {
  // Shared with the sessions, hence replaced when an operator is added.
  std::shared_ptr<const edgeml::CustomOpRegistry> registry;
};

namespace edgeml::c_api {

// Keeps the text for edgeml_last_error().
edgeml_status Report(const Status& status);
edgeml_status Refuse(const char* message);

}  // namespace edgeml::c_api

#endif  // EDGEML_API_C_API_H_
