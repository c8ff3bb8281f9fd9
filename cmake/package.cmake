# The Debian package: `make package`, or cpack in the build folder after building updraft and
# package_files. Debian's own helpers are not needed; the maintainer scripts are in deploy/debian.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # packaging builds nothing by itself
set(UPDRAFT_PACKAGE_RELEASE 1)
set(UPDRAFT_PACKAGE_MAINTAINER "Updraft maintainers <maintainers@updraft.invalid>")

if(TARGET updraft)
  string(TIMESTAMP UPDRAFT_PACKAGE_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH, if set
  set(files ${CMAKE_BINARY_DIR}/package)
  configure_file(${CMAKE_SOURCE_DIR}/deploy/debian/changelog.in ${files}/changelog.Debian @ONLY)

  # Compressed without names and times, so that the same sources give the same package.
  set(packed ${files}/updraft.toml.sample)
  add_custom_command(OUTPUT ${files}/updraft.toml.sample
    COMMAND updraft config > ${files}/updraft.toml.sample
    DEPENDS updraft VERBATIM)
  foreach(pair
      "changelog.Debian.gz|${files}/changelog.Debian"
      "changelog.gz|${CMAKE_SOURCE_DIR}/CHANGELOG.md"
      "updraft.1.gz|${CMAKE_SOURCE_DIR}/deploy/debian/updraft.1")
    string(REPLACE "|" ";" pair "${pair}")
    list(POP_FRONT pair name source)
    add_custom_command(OUTPUT ${files}/${name}
      COMMAND gzip -9n < ${source} > ${files}/${name}
      DEPENDS ${source} VERBATIM)
    list(APPEND packed ${files}/${name})
  endforeach()
  add_custom_target(package_files DEPENDS ${packed})

  install(TARGETS updraft DESTINATION bin)
  install(FILES ${CMAKE_SOURCE_DIR}/deploy/systemd/updraft.service DESTINATION /lib/systemd/system)
  install(FILES ${CMAKE_SOURCE_DIR}/deploy/updraft.toml DESTINATION /etc/updraft)
  install(FILES ${files}/updraft.1.gz DESTINATION share/man/man1)
  install(FILES ${files}/changelog.Debian.gz ${files}/changelog.gz ${files}/updraft.toml.sample
                ${CMAKE_SOURCE_DIR}/deploy/debian/copyright ${CMAKE_SOURCE_DIR}/deploy/grafana/updraft.json
          DESTINATION share/doc/updraft)
  file(GLOB documents CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/operating/*.md)
  install(FILES ${documents} DESTINATION share/doc/updraft)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME updraft)
set(CPACK_PACKAGE_VENDOR Updraft)
set(CPACK_PACKAGE_CONTACT "${UPDRAFT_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${UPDRAFT_PACKAGE_RELEASE})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "firmware upgrades for fleets of devices
Updraft brings a firmware to a fleet: over links that repeat, reorder and
drop messages, to devices that reboot in the middle, while operators stop,
continue and retry. It speaks JetLinks' REST API and device protocol, and has
a web console, a command line and a store of its own.")
# The libraries that the program is linked with, as this system names and versions them.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, tzdata")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/deploy/debian/conffiles
  ${CMAKE_SOURCE_DIR}/deploy/debian/postinst
  ${CMAKE_SOURCE_DIR}/deploy/debian/prerm
  ${CMAKE_SOURCE_DIR}/deploy/debian/postrm)
include(CPack)
