#include "storage/artifacts/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "app/ports.hpp"

namespace updraft::artifacts {

void fail(const std::string& what, const std::filesystem::path& path) {
    const int code = errno;
    const auto cause = code == ENOSPC || code == EDQUOT ? StorageError::Cause::disk_full
                                                        : StorageError::Cause::broken;
    throw StorageError(cause, fmt::format("{} {}: {}", what, path.string(), std::strerror(code)));
}

File::File(const std::filesystem::path& path, Mode mode) : path_(path) {
    const int flags = mode == Mode::create_new       ? O_RDWR | O_CREAT | O_EXCL
                      : mode == Mode::open_or_create ? O_RDWR | O_CREAT
                                                     : O_RDONLY;
    fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
    if (fd_ < 0) {
        fail("cannot open", path);
    }
}

File::~File() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

void File::write_at(std::int64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), offset);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            fail("cannot write", path_);
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += written;
    }
}

std::size_t File::read_at(std::int64_t offset, std::span<char> buffer) const {
    for (;;) {
        const ssize_t count = ::pread(fd_, buffer.data(), buffer.size(), offset);
        if (count >= 0) {
            return static_cast<std::size_t>(count);
        }
        if (errno != EINTR) {
            fail("cannot read", path_);
        }
    }
}

void File::start_writing_back(std::int64_t offset, std::int64_t size) noexcept {
    ::sync_file_range(fd_, offset, size, SYNC_FILE_RANGE_WRITE);
}

void File::sync() {
    if (::fsync(fd_) != 0) {
        fail("cannot sync", path_);
    }
}

std::int64_t File::size() const {
    struct stat status{};
    if (::fstat(fd_, &status) != 0) {
        fail("cannot stat", path_);
    }
    return status.st_size;
}

void sync_folder(const std::filesystem::path& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fail("cannot open", folder);
    }
    const int result = ::fsync(fd);
    ::close(fd);
    if (result != 0) {
        fail("cannot sync", folder);
    }
}

}  // namespace updraft::artifacts
