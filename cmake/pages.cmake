# Puts the pages that the server answers with, and the API's document, into updraft_server.
if(TARGET updraft_server)
  set(pages
    no_console.html ${CMAKE_SOURCE_DIR}/src/server/pages/no_console.html
    logo.svg ${CMAKE_SOURCE_DIR}/src/server/pages/logo.svg
    openapi.yaml ${CMAKE_SOURCE_DIR}/api/openapi.yaml)
  set(entries "")
  while(pages)
    list(POP_FRONT pages name file)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    string(APPEND entries "    {\"${name}\", R\"embedded(${text})embedded\"},\n")
  endwhile()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/embedded_pages.cpp @ONLY CONTENT
"#include \"server/pages.hpp\"

namespace updraft::server {
namespace {

constexpr EmbeddedPage all[] = {
@entries@};

}  // namespace

std::span<const EmbeddedPage> embedded_pages() { return all; }

}  // namespace updraft::server
")
  # A page may be longer than the 64 KiB that C++ promises for a literal; our one compiler takes it.
  set_source_files_properties(${CMAKE_BINARY_DIR}/generated/embedded_pages.cpp
    PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
  configure_file(${CMAKE_SOURCE_DIR}/src/server/version.hpp.in ${CMAKE_BINARY_DIR}/generated/server/version.hpp)
  target_sources(updraft_server PRIVATE ${CMAKE_BINARY_DIR}/generated/embedded_pages.cpp)
  target_include_directories(updraft_server PUBLIC ${CMAKE_BINARY_DIR}/generated)
endif()
