// Quantization for the extension module edge_ml._convert.
#ifndef EDGEML_PYTHON_SRC_QUANTIZE_H_
#define EDGEML_PYTHON_SRC_QUANTIZE_H_

#include <nanobind/nanobind.h>

namespace edgeml::python {

// Adds the class Quantizer to the module.
void AddQuantizer(nanobind::module_& m);

}  // namespace edgeml::python

#endif  // EDGEML_PYTHON_SRC_QUANTIZE_H_
