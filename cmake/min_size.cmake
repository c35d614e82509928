# EDGEML_MIN_SIZE: a library as small as it gets, for a device that runs known models. It exports
# the C API alone, keeps no texts of errors but their kinds, and is compiled for size except for the
# SIMD kernels. docs/building.md gives the sizes.
string(REPLACE "-O2" "-Os" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> -fno-asynchronous-unwind-tables -fno-unwind-tables)
add_compile_definitions(EDGEML_MIN_SIZE)
set(EDGEML_CLI OFF)
# Of the linkers at hand only GNU's marks such relocations so that glibc takes them.
add_link_options(-fuse-ld=bfd -Wl,-z,pack-relative-relocs -Wl,--as-needed)
