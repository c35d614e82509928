# Speed of the build only: a faster linker and a compiler cache where the machine has them.
#   EDGEML_LINKER   auto (mold, else lld, else the compiler's default), default, or the name of a linker for -fuse-ld
#   EDGEML_CCACHE   use ccache if it is found; a launcher that the caller set is kept
include(CheckLinkerFlag)

option(EDGEML_CCACHE "Compile through ccache if it is found" ON)
set(EDGEML_LINKER "auto" CACHE STRING "auto, default, or the name of a linker: mold, lld, gold, bfd")

if(EDGEML_CCACHE)
  find_program(EDGEML_CCACHE_PROGRAM ccache)
  if(EDGEML_CCACHE_PROGRAM)
    foreach(language C CXX)
      if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
        # Paths below the source folder count relative to it: a fresh clone, and the build folder of the
        # Python module, find what another one compiled.
        set(CMAKE_${language}_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
            CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${EDGEML_CCACHE_PROGRAM})
      endif()
    endforeach()
  endif()
endif()

if(EDGEML_LINKER STREQUAL "auto")
  foreach(linker mold lld)
    check_linker_flag(CXX -fuse-ld=${linker} EDGEML_HAVE_LINKER_${linker})
    if(EDGEML_HAVE_LINKER_${linker})
      add_link_options(-fuse-ld=${linker})
      break()
    endif()
  endforeach()
elseif(NOT EDGEML_LINKER STREQUAL "default")
  add_link_options(-fuse-ld=${EDGEML_LINKER})
endif()
