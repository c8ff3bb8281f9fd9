#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// What backup, restore and doctor do with folders.
namespace updraft::server {

/// Keeps work at a number of bytes a second, on the average since it began.
class Pacer {
public:
    /// `bytes_per_second` 0: no pause.
    explicit Pacer(std::int64_t bytes_per_second) : rate_(bytes_per_second) {}
    /// Waits as long as the bytes so far may take.
    void wait(std::int64_t bytes);

private:
    std::int64_t rate_;
    std::int64_t bytes_ = 0;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

/// A folder that is removed with everything in it unless it is kept.
class UnfinishedFolder {
public:
    /// Makes it, for its owner alone. Throws StorageError.
    explicit UnfinishedFolder(std::filesystem::path path);
    ~UnfinishedFolder();
    UnfinishedFolder(const UnfinishedFolder&) = delete;
    UnfinishedFolder& operator=(const UnfinishedFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    void keep() { kept_ = true; }

private:
    std::filesystem::path path_;
    bool kept_ = false;
};

/// Bytes that whoever runs this may still write there; of the nearest parent that exists.
[[nodiscard]] std::int64_t free_bytes(const std::filesystem::path& path);

/// Writes a small file, and returns once it is on the disk.
void write_synced(const std::filesystem::path& path, std::string_view text);

/// Syncs the folder and all folders in it.
void sync_folders(const std::filesystem::path& path);

/// The file's whole text; nothing if it cannot be read.
[[nodiscard]] std::optional<std::string> text_of(const std::filesystem::path& path);

}  // namespace updraft::server
