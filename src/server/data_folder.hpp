#pragma once

#include <filesystem>
#include <string>

namespace updraft::server {

/// The folder that holds everything: made if it is missing, and locked while this lives, so that
/// two servers never write to one folder.
class DataFolder {
public:
    /// Throws std::runtime_error, in both languages, when it cannot be made or another server has
    /// it.
    explicit DataFolder(const std::string& path);
    ~DataFolder();
    DataFolder(const DataFolder&) = delete;
    DataFolder& operator=(const DataFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    int lock_ = -1;
};

}  // namespace updraft::server
