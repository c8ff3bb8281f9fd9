#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace updraft::artifacts {

/// An open file descriptor. Failures are thrown as StorageError, disk_full for ENOSPC and EDQUOT.
class File {
public:
    enum class Mode : std::uint8_t { create_new, open_or_create, read };
    File(const std::filesystem::path& path, Mode mode);
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    File(File&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
    File& operator=(File&&) = delete;
    ~File();

    void write_at(std::int64_t offset, std::string_view bytes);
    /// Fills the front of `buffer` from `offset`; how much there was, 0 at the end.
    [[nodiscard]] std::size_t read_at(std::int64_t offset, std::span<char> buffer) const;
    /// Lets the disk begin with what was written in a range, so that sync() has little left.
    void start_writing_back(std::int64_t offset, std::int64_t size) noexcept;
    void sync();
    [[nodiscard]] std::int64_t size() const;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    int fd_ = -1;
    std::filesystem::path path_;
};

/// Makes the names in `folder` durable.
void sync_folder(const std::filesystem::path& folder);
/// Throws StorageError for errno.
[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path);

}  // namespace updraft::artifacts
