#include "server/folder_work.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <thread>

#include "storage/artifacts/open_file.hpp"

namespace updraft::server {

namespace fs = std::filesystem;

void Pacer::wait(std::int64_t bytes) {
    bytes_ += bytes;
    if (rate_ > 0) {
        const std::chrono::duration<double> due(static_cast<double>(bytes_) /
                                                static_cast<double>(rate_));
        std::this_thread::sleep_until(
            begin_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(due));
    }
}

UnfinishedFolder::UnfinishedFolder(fs::path path) : path_(std::move(path)) {
    if (::mkdir(path_.c_str(), 0700) != 0) {
        throw_storage_error("cannot make the folder", path_.string(), errno);
    }
}

UnfinishedFolder::~UnfinishedFolder() {
    if (!kept_) {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
}

std::int64_t free_bytes(const fs::path& path) {
    fs::path there = fs::absolute(path);
    while (!fs::exists(there) && there.has_parent_path() && there != there.parent_path()) {
        there = there.parent_path();
    }
    struct statvfs facts{};
    if (::statvfs(there.c_str(), &facts) != 0) {
        throw_storage_error("cannot look at", there.string(), errno);
    }
    return static_cast<std::int64_t>(facts.f_bavail) * static_cast<std::int64_t>(facts.f_frsize);
}

void write_synced(const fs::path& path, std::string_view text) {
    const OpenFile file(path.string(), O_RDWR | O_CREAT | O_EXCL);
    file.write_at(0, text);
    file.sync();
}

void sync_folders(const fs::path& path) {
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
        if (entry.is_directory() && !entry.is_symlink()) {
            sync_folder(entry.path().string());
        }
    }
    sync_folder(path.string());
}

std::optional<std::string> text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return file ? std::optional(text.str()) : std::nullopt;
}

}  // namespace updraft::server
