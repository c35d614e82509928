include("${CMAKE_CURRENT_LIST_DIR}/edgemlTargets.cmake")
