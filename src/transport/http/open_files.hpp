#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "transport/http/message.hpp"

namespace updraft::http {

/// An open file that closes itself.
class OpenFile {
public:
    /// Opens it to be read. Throws std::runtime_error with the reason.
    explicit OpenFile(const std::string& path);
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile();

    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] std::int64_t size_bytes() const { return found_.st_size; }
    /// Whether `path` still names this very file, and nobody has touched its bytes since it was
    /// opened. One look at the file system.
    [[nodiscard]] bool is_still(const std::string& path) const;

private:
    int descriptor_ = -1;
    struct stat found_{};  ///< as it was opened
};

/// The files that connections download from, opened once for all of them. A file stays open while
/// anybody holds it: whoever serves ranges keeps the last one until the connection ends. A file
/// that was removed, replaced, set aside or altered is opened anew, and so is refused if it is
/// gone. Safe from every thread.
class OpenFiles {
public:
    explicit OpenFiles(std::size_t files_max) : files_max_(files_max) {}

    /// Opens it if nobody has. Throws std::runtime_error: it cannot be opened, or has not the
    /// promised size.
    [[nodiscard]] std::shared_ptr<const OpenFile> open(const FileBody& body);
    /// The same if somebody has it open and it is as promised; else null.
    [[nodiscard]] std::shared_ptr<const OpenFile> find(const FileBody& body) const;
    /// Whether holding `file` lets others find it: one above the limit is held for one answer only.
    [[nodiscard]] bool shares(const FileBody& body, const OpenFile& file) const;

private:
    [[nodiscard]] std::shared_ptr<const OpenFile> known(const std::string& path) const;

    const std::size_t files_max_;  ///< more are opened, but not shared
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::weak_ptr<const OpenFile>> by_path_;
};

}  // namespace updraft::http
