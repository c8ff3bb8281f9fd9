# Puts the text of src/storage/migrations/NNNN_what_it_does.sql into updraft_storage, in order.
file(GLOB migrations CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/storage/migrations/[0-9]*.sql)
if(TARGET updraft_storage AND migrations)
  list(SORT migrations)
  set(entries "")
  foreach(migration IN LISTS migrations)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${migration})
    get_filename_component(name ${migration} NAME_WE)
    string(REGEX MATCH "^[0-9]+" number ${name})
    math(EXPR number "1${number} - 10000")  # 0001 is four digits; without the 1 it would be octal
    file(READ ${migration} text)
    string(APPEND entries "    {${number}, \"${name}\", R\"embedded(${text})embedded\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/migrations.cpp @ONLY CONTENT
"#include \"storage/sql/migrations.hpp\"

namespace updraft::sql {
namespace {

constexpr Migration all[] = {
@entries@};

}  // namespace

std::span<const Migration> migrations() { return all; }

}  // namespace updraft::sql
")
  target_sources(updraft_storage PRIVATE ${CMAKE_BINARY_DIR}/generated/migrations.cpp)
endif()
