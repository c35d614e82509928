// Custom operators whose kernels are Python objects.
#ifndef EDGEML_PYTHON_SRC_CUSTOM_OP_H_
#define EDGEML_PYTHON_SRC_CUSTOM_OP_H_

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <string>

#include "edgeml/custom_op.h"

namespace edgeml::python {

// A registry that scripts fill. Sessions hold it as it was when they were made.
class CustomOps {
 public:
  const std::shared_ptr<const CustomOpRegistry>& registry() const { return registry_; }

  // `factory()` makes a kernel for one node: an object with the methods `prepare`, `run` and
  // `reset` of _Kernel in python/edge_ml/custom_op.py.
  void Add(const std::string& name, nanobind::object factory, int32_t min_version,
           int32_t max_version);
  void AddAudioFrontend();
  void AddAll(const CustomOps& other);

 private:
  std::shared_ptr<const CustomOpRegistry> registry_ = std::make_shared<const CustomOpRegistry>();
};

void BindCustomOps(nanobind::module_& m);

}  // namespace edgeml::python

#endif  // EDGEML_PYTHON_SRC_CUSTOM_OP_H_
