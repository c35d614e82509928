# -DEDGEML_OPS_FROM="a.tflite;b.tflite": a build that holds only the operators of these models
# (src/ir/selection.h says how). docs/building.md tells what it gives.
if(EDGEML_TESTS OR EDGEML_FUZZ)
  message(FATAL_ERROR "EDGEML_OPS_FROM leaves out operators that the tests need; set EDGEML_TESTS and EDGEML_FUZZ to OFF")
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(models)
foreach(model IN LISTS EDGEML_OPS_FROM)
  get_filename_component(model "${model}" ABSOLUTE BASE_DIR "${CMAKE_BINARY_DIR}")
  list(APPEND models "${model}")
endforeach()
execute_process(
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/select_ops.py
          --output ${CMAKE_BINARY_DIR}/selected_ops.inc ${models}
  RESULT_VARIABLE failed OUTPUT_VARIABLE chosen ERROR_VARIABLE said
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_STRIP_TRAILING_WHITESPACE)
if(failed)
  message(FATAL_ERROR "EDGEML_OPS_FROM: ${said}")
endif()
if(said)
  message(WARNING "${said}")
endif()
message(STATUS "Operators: ${chosen}")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${models} ${CMAKE_SOURCE_DIR}/tools/select_ops.py)
add_compile_definitions(EDGEML_SELECTED_OPS="${CMAKE_BINARY_DIR}/selected_ops.inc")
# The SIMD tables have entries for floats and for bytes (src/kernels/simd/table_entry.h).
file(READ ${CMAKE_BINARY_DIR}/selected_ops.inc chosen)
if(NOT chosen MATCHES "kFloat32")
  add_compile_definitions(EDGEML_NO_FLOAT_KERNELS)
endif()
if(NOT chosen MATCHES "Int8|Int4")
  add_compile_definitions(EDGEML_NO_BYTE_KERNELS)
endif()
