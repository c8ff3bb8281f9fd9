# Language, warnings, linker, ccache.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR
    "Updraft is built with clang 19: g++ 12 miscompiles common coroutine expressions. "
    "Install clang-19 and lld-19 (tools/install_dependencies.sh does) and use a preset: cmake --preset release")
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # The precompiled header is part of what ccache has to trust; see CMakePresets.json for the sloppiness.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi
                    -Wimplicit-fallthrough -Wswitch -Werror=return-type -Werror=switch -Werror=unused-result
                    -fno-omit-frame-pointer)
option(UPDRAFT_WARNINGS_AS_ERRORS "Fail on any warning" OFF)
if(UPDRAFT_WARNINGS_AS_ERRORS)
  add_compile_options(-Werror)
endif()
add_link_options(-fuse-ld=lld-19)
# clang validates a precompiled header by content, so that ccache and fresh clones can share it.
add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
