# Makes the built web console (web/dist, by `make console`) a part of updraft_server. It is looked at in
# every build, and the server is linked again only when it has changed; without it the server says how to
# build it.
if(TARGET updraft_server)
  set(generated ${CMAKE_BINARY_DIR}/generated)
  set(UPDRAFT_CONSOLE_DIST ${CMAKE_SOURCE_DIR}/web/dist CACHE PATH "The built console")
  add_custom_target(console_files
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/embed_console.py ${UPDRAFT_CONSOLE_DIST} ${generated}
    BYPRODUCTS ${generated}/console.bin ${generated}/console_files.cpp
    VERBATIM)
  # ccache leaves a file with .incbin alone, so that it is compiled whenever the bytes are others.
  set_source_files_properties(${generated}/console_files.cpp
    PROPERTIES GENERATED ON OBJECT_DEPENDS ${generated}/console.bin)
  target_sources(updraft_server PRIVATE ${generated}/console_files.cpp)
  add_dependencies(updraft_server console_files)
endif()
