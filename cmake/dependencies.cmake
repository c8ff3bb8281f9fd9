# Libraries, all from Debian 12.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG COMPONENTS core)
find_package(ZLIB REQUIRED)
# Debian's interpreter: it has the test libraries that tools/install_dependencies.sh installed.
set(Python3_EXECUTABLE /usr/bin/python3)
find_package(Boost 1.81 REQUIRED COMPONENTS system json url)
find_library(ARGON2_LIBRARY argon2 REQUIRED)
add_library(argon2 INTERFACE)
target_link_libraries(argon2 INTERFACE ${ARGON2_LIBRARY})

# Lua built as C++: its errors are exceptions, so that destructors run.
find_package(PkgConfig REQUIRED)
pkg_check_modules(lua REQUIRED IMPORTED_TARGET lua5.4-c++)
add_library(updraft_lua INTERFACE)
target_link_libraries(updraft_lua INTERFACE PkgConfig::lua)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)
add_library(updraft_seccomp INTERFACE)
target_link_libraries(updraft_seccomp INTERFACE PkgConfig::seccomp)

add_library(updraft_boost_json INTERFACE)
target_link_libraries(updraft_boost_json INTERFACE Boost::json)

# Asio and Beast are compiled once, in src/transport/net/asio.cpp.
add_library(updraft_net INTERFACE)
target_compile_definitions(updraft_net INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
target_link_libraries(updraft_net INTERFACE
  Boost::system Boost::json Boost::url OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB Threads::Threads prometheus-cpp::core)
