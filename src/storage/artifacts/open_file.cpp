#include "storage/artifacts/open_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "app/ports.hpp"
#include "base/log.hpp"

namespace updraft {
namespace {

constexpr mode_t file_mode = 0640;
constexpr mode_t folder_mode = 0750;
constexpr int closed = -1;

/// Calls again what a signal interrupted.
template <class Call>
auto uninterrupted(Call&& call) {
    auto outcome = call();
    while (outcome < 0 && errno == EINTR) {
        outcome = call();
    }
    return outcome;
}

int open_descriptor(const std::string& path, int flags) {
    // A folder may be a link that the operator made; a file never is one of ours.
    const int safe = (flags & O_DIRECTORY) != 0 ? O_CLOEXEC : O_CLOEXEC | O_NOFOLLOW;
    return uninterrupted([&] { return ::open(path.c_str(), flags | safe, file_mode); });
}

}  // namespace

namespace {

[[noreturn]] void throw_error(std::string_view action, const std::string& path, int error,
                              StorageError::Cause otherwise) {
    const bool full = error == ENOSPC || error == EDQUOT;
    throw StorageError(full ? StorageError::Cause::disk_full : otherwise,
                       fmt::format("{} {}: {}", action, path,
                                   std::error_code(error, std::generic_category()).message()));
}

}  // namespace

void throw_storage_error(std::string_view action, const std::string& path, int error) {
    throw_error(action, path, error, StorageError::Cause::broken);
}

OpenFile::OpenFile(std::string path, int flags)
    : descriptor_(open_descriptor(path, flags)), path_(std::move(path)) {
    if (descriptor_ < 0) {
        throw_storage_error("cannot open", path_, errno);
    }
}

std::optional<OpenFile> OpenFile::try_open(std::string path, int flags) {
    const int descriptor = open_descriptor(path, flags);
    if (descriptor >= 0) {
        return OpenFile(descriptor, std::move(path));
    }
    if (errno != ENOENT && errno != EEXIST) {
        throw_storage_error("cannot open", path, errno);
    }
    return std::nullopt;
}

OpenFile::OpenFile(OpenFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, closed)), path_(std::move(other.path_)) {}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
    if (this != &other) {
        close();
        descriptor_ = std::exchange(other.descriptor_, closed);
        path_ = std::move(other.path_);
    }
    return *this;
}

OpenFile::~OpenFile() {
    close();
}

/// What had to last was synced before, so close(2) has nothing left to report.
void OpenFile::close() noexcept {
    if (descriptor_ != closed) {
        ::close(descriptor_);
    }
}

std::int64_t OpenFile::size() const {
    struct stat facts{};
    if (::fstat(descriptor_, &facts) != 0) {
        throw_storage_error("cannot look at", path_, errno);
    }
    return facts.st_size;
}

void OpenFile::write_at(std::int64_t offset, std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t written = uninterrupted(
            [&] { return ::pwrite(descriptor_, bytes.data(), bytes.size(), offset); });
        if (written < 0) {
            throw_storage_error("cannot write", path_, errno);
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += written;
    }
}

std::size_t OpenFile::read_at(std::int64_t offset, std::span<char> buffer) const {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
        const ssize_t count = uninterrupted([&] {
            return ::pread(descriptor_, buffer.data() + filled, buffer.size() - filled,
                           offset + static_cast<std::int64_t>(filled));
        });
        if (count < 0) {
            throw_storage_error("cannot read", path_, errno);
        }
        if (count == 0) {
            break;
        }
        filled += static_cast<std::size_t>(count);
    }
    return filled;
}

std::size_t OpenFile::read_some_at(std::int64_t offset, std::span<char> buffer) const {
    const auto read = [&] {
        return uninterrupted(
            [&] { return ::pread(descriptor_, buffer.data(), buffer.size(), offset); });
    };
    const int flags = ::fcntl(descriptor_, F_GETFL);
    const bool direct = flags != -1 && (flags & O_DIRECT) != 0;
    ssize_t count = read();
    if (count < 0 && errno == EINVAL && direct) {
        (void)::fcntl(descriptor_, F_SETFL, flags & ~O_DIRECT);
        count = read();
    }
    if (count < 0) {
        throw_storage_error("cannot read", path_, errno);
    }
    if (direct && static_cast<std::size_t>(count) < buffer.size()) {
        (void)::fcntl(descriptor_, F_SETFL, flags & ~O_DIRECT);  // the next offset is no block's
    }
    return static_cast<std::size_t>(count);
}

void OpenFile::truncate(std::int64_t size) const {
    if (uninterrupted([&] { return ::ftruncate(descriptor_, size); }) != 0) {
        throw_storage_error("cannot cut", path_, errno);
    }
}

void OpenFile::begin_sync(std::int64_t offset, std::int64_t count) const noexcept {
    (void)::sync_file_range(descriptor_, offset, count, SYNC_FILE_RANGE_WRITE);
}

OpenFile::Version OpenFile::version() const {
    struct stat facts{};
    if (::fstat(descriptor_, &facts) != 0) {
        throw_storage_error("cannot look at", path_, errno);
    }
    return {facts.st_dev, facts.st_ino, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec};
}

void OpenFile::sync() const {
    // Not fdatasync(2): it may leave out the new entries of a folder.
    if (uninterrupted([&] { return ::fsync(descriptor_); }) != 0) {
        throw_error("cannot sync", path_, errno, StorageError::Cause::not_synced);
    }
}

void OpenFile::move_to(std::string path) {
    rename_file(path_, path);
    path_ = std::move(path);
}

void OpenFile::lock() const {
    if (uninterrupted([&] { return ::flock(descriptor_, LOCK_EX); }) != 0) {
        throw_storage_error("cannot lock", path_, errno);
    }
}

bool OpenFile::try_lock() const {
    if (uninterrupted([&] { return ::flock(descriptor_, LOCK_EX | LOCK_NB); }) == 0) {
        return true;
    }
    if (errno != EWOULDBLOCK) {
        throw_storage_error("cannot lock", path_, errno);
    }
    return false;
}

bool OpenFile::is_at_its_path() const {
    struct stat mine{};
    struct stat named{};
    if (::fstat(descriptor_, &mine) != 0) {
        throw_storage_error("cannot look at", path_, errno);
    }
    if (::lstat(path_.c_str(), &named) != 0) {
        if (errno != ENOENT) {
            throw_storage_error("cannot look at", path_, errno);
        }
        return false;
    }
    return mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

std::optional<FileFacts> facts_of(const std::string& path) {
    struct stat facts{};
    if (::lstat(path.c_str(), &facts) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) {
            throw_storage_error("cannot look at", path, errno);
        }
        return std::nullopt;
    }
    if (!S_ISREG(facts.st_mode)) {
        return std::nullopt;
    }
    constexpr std::int64_t ms_per_s = 1000;
    constexpr std::int64_t ns_per_ms = 1'000'000;
    return FileFacts{facts.st_size,
                     facts.st_mtim.tv_sec * ms_per_s + facts.st_mtim.tv_nsec / ns_per_ms};
}

std::optional<OpenFile> open_past_cache(const std::string& path) {
    try {
        return OpenFile::try_open(path, O_RDONLY | O_DIRECT);
    } catch (const StorageError&) {  // not every file system can; another trouble comes again
        return OpenFile::try_open(path, O_RDONLY);
    }
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entry(folder, error);
    const std::filesystem::directory_iterator end;
    while (!error && entry != end) {
        names.push_back(entry->path().filename().string());
        entry.increment(error);
    }
    if (error && error != std::errc::not_a_directory &&
        error != std::errc::no_such_file_or_directory) {
        throw_storage_error("cannot list", folder, error.value());
    }
    return names;
}

void make_folder(const std::string& path) {
    if (::mkdir(path.c_str(), folder_mode) != 0 && errno != EEXIST) {
        throw_storage_error("cannot make the folder", path, errno);
    }
}

void sync_folder(const std::string& path) {
    const OpenFile folder(path, O_RDONLY | O_DIRECTORY);
    folder.sync();
}

void rename_file(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) {
        throw_storage_error(fmt::format("cannot move {} to", from), to, errno);
    }
}

bool link_file(const std::string& from, const std::string& to) {
    if (::link(from.c_str(), to.c_str()) == 0) {
        return true;
    }
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) {
        throw_storage_error(fmt::format("cannot link {} to", from), to, errno);
    }
    return false;
}

bool remove_file(const std::string& path) {
    if (::unlink(path.c_str()) == 0) {
        return true;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        throw_storage_error("cannot remove", path, errno);
    }
    return false;
}

void remove_file_quietly(const std::string& path) noexcept {
    try {
        remove_file(path);
    } catch (const std::exception& error) {
        log::warn("artifacts", "file left behind path={} reason=\"{}\"", path, error.what());
    }
}

}  // namespace updraft
