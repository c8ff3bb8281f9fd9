#include "transport/http/open_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

namespace updraft::http {
namespace {

bool same_moment(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

OpenFile::OpenFile(const std::string& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0 || ::fstat(descriptor_, &found_) != 0) {
        const int reason = errno;
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
        throw std::runtime_error(fmt::format("cannot open a stored file errno={}", reason));
    }
}

OpenFile::~OpenFile() {
    ::close(descriptor_);
}

bool OpenFile::is_still(const std::string& path) const {
    struct stat now{};
    return ::stat(path.c_str(), &now) == 0 && now.st_dev == found_.st_dev &&
           now.st_ino == found_.st_ino && now.st_size == found_.st_size &&
           same_moment(now.st_mtim, found_.st_mtim) && same_moment(now.st_ctim, found_.st_ctim);
}

std::shared_ptr<const OpenFile> OpenFiles::known(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<const OpenFile> OpenFiles::find(const FileBody& body) const {
    std::shared_ptr<const OpenFile> file = known(body.path);
    const bool good = file && file->size_bytes() == body.size_bytes && file->is_still(body.path);
    return good ? file : nullptr;
}

bool OpenFiles::shares(const FileBody& body, const OpenFile& file) const {
    return known(body.path).get() == &file;
}

std::shared_ptr<const OpenFile> OpenFiles::open(const FileBody& body) {
    if (auto file = find(body)) {
        return file;
    }
    auto file = std::make_shared<const OpenFile>(body.path);
    if (file->size_bytes() != body.size_bytes) {
        throw std::runtime_error(fmt::format("a stored file has {} bytes instead of {}",
                                             file->size_bytes(), body.size_bytes));
    }
    const std::lock_guard lock(mutex_);
    if (by_path_.size() >= files_max_) {
        std::erase_if(by_path_, [](const auto& each) { return each.second.expired(); });
    }
    if (by_path_.size() < files_max_ || by_path_.contains(body.path)) {
        by_path_[body.path] = file;
    }
    return file;
}

}  // namespace updraft::http
