# -DUPDRAFT_SANITIZE=address,undefined or thread; the presets asan and tsan set it.
set(UPDRAFT_SANITIZE "" CACHE STRING "Sanitizers, comma separated")
# How many times longer a test may wait there before it calls something late; see support/waiting.py.
set(UPDRAFT_TEST_PATIENCE 1)
if(UPDRAFT_SANITIZE)
  add_compile_options(-fsanitize=${UPDRAFT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${UPDRAFT_SANITIZE})
  # Their options, and what of other people's code they are not to report, are in the programs themselves.
  add_library(updraft_sanitizers OBJECT ${CMAKE_CURRENT_LIST_DIR}/sanitizers.cpp)
  set(UPDRAFT_TEST_PATIENCE 6)
endif()
