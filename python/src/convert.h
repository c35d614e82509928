// Binds the converter: _edge_ml.convert.
#ifndef EDGEML_PYTHON_SRC_CONVERT_H_
#define EDGEML_PYTHON_SRC_CONVERT_H_

#include <nanobind/nanobind.h>

namespace edgeml::python {

void BindConvert(nanobind::module_& m);

}  // namespace edgeml::python

#endif  // EDGEML_PYTHON_SRC_CONVERT_H_
