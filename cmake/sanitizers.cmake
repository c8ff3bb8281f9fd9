# -DUPDRAFT_SANITIZE=address,undefined or thread; the presets asan and tsan set it.
set(UPDRAFT_SANITIZE "" CACHE STRING "Sanitizers, comma separated")
if(UPDRAFT_SANITIZE)
  add_compile_options(-fsanitize=${UPDRAFT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${UPDRAFT_SANITIZE})
endif()
