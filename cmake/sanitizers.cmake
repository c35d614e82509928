# EDGEML_SANITIZE: the sanitizers that everything is compiled and linked with, as a comma-separated list for
# -fsanitize=, e.g. `address,undefined` or `thread`. EDGEML_FUZZ (Clang only) adds the coverage instrumentation of
# libFuzzer; a fuzz target links the driver itself with edgeml_fuzz_target(TARGET).
set(EDGEML_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")

if(EDGEML_SANITIZE)
  set(flags -fsanitize=${EDGEML_SANITIZE} -fno-omit-frame-pointer -g1)
  if(EDGEML_SANITIZE MATCHES "undefined")
    # A finding must end the program, or nobody notices it.
    list(APPEND flags -fno-sanitize-recover=undefined)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # -Wmaybe-uninitialized and friends misfire on instrumented code.
      list(APPEND flags -Wno-maybe-uninitialized)
    endif()
  endif()
  add_compile_options(${flags})
  add_link_options(-fsanitize=${EDGEML_SANITIZE})
endif()

if(EDGEML_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "EDGEML_FUZZ needs Clang (libFuzzer); use the preset `fuzz`")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()

# Links libFuzzer's main into a fuzz target, which defines LLVMFuzzerTestOneInput.
function(edgeml_fuzz_target target)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
endfunction()
