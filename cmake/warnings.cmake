# edgeml_target_warnings(TARGET): the warnings that our own code must be free of. Errors with EDGEML_WERROR=ON, which
# ./test sets. Third-party headers are included as system headers and are not held to them.
#
# Left out on purpose: -Wconversion and -Wsign-conversion (kernels mix index types by nature; sizes are checked by
# the arithmetic helpers of src/base), -Wuseless-cast (32-bit and 64-bit builds differ), -Wpadded.
set(EDGEML_WARNINGS
    -Wall
    -Wextra
    -Wshadow
    -Wnon-virtual-dtor
    -Woverloaded-virtual
    -Wcast-qual
    -Wpointer-arith
    -Wimplicit-fallthrough
    -Wvla
    -Wundef
    -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside the standard library's own headers when it inlines (its bugs 105329, 105651, 107532).
  list(APPEND EDGEML_WARNINGS -Wlogical-op -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()

function(edgeml_target_warnings target)
  foreach(flag ${EDGEML_WARNINGS})
    if(flag MATCHES "^-W(non-virtual-dtor|overloaded-virtual)$")
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${flag}>)
    else()
      target_compile_options(${target} PRIVATE ${flag})
    endif()
  endforeach()
  if(EDGEML_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
