#include "server/data_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace updraft::server {

DataFolder::DataFolder(const std::string& path) : path_(path) {
    std::error_code error;
    std::filesystem::create_directories(path_, error);
    if (error) {
        throw std::runtime_error(
            fmt::format("无法创建数据目录 {}: {} / cannot make the data folder {}: {}", path,
                        error.message(), path, error.message()));
    }
    const std::string lock_file = (path_ / "lock").string();
    lock_ = ::open(lock_file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (lock_ < 0) {
        const std::string reason = std::generic_category().message(errno);
        throw std::runtime_error(fmt::format("无法打开 {}: {} / cannot open {}: {}", lock_file,
                                             reason, lock_file, reason));
    }
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock_);
        throw std::runtime_error(
            fmt::format("数据目录 {} 正被另一个服务器使用 / another server uses the data folder {}",
                        path, path));
    }
}

DataFolder::~DataFolder() {
    ::close(lock_);
}

}  // namespace updraft::server
