#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>

#include "app/ports.hpp"
#include "storage/artifacts/posix_file.hpp"

namespace updraft::artifacts {

/// Which bytes of a file are there: disjoint intervals [from, to).
class Intervals {
public:
    void add(std::int64_t from, std::int64_t to);
    [[nodiscard]] std::int64_t covered() const;

private:
    std::map<std::int64_t, std::int64_t> to_by_from_;
};

/// One upload in pieces, on the disk: `<name>.data` has the bytes, `<name>.map` what has come.
///
/// The map is a list of 16-byte entries, two big-endian 64-bit numbers each: first (length of the
/// whole, 0), then (offset, size) of each piece, appended once the piece itself is on the disk. An
/// entry cut short by a crash is dropped with its piece.
class Pieces {
public:
    /// Opens what is there; begins with `length` otherwise.
    Pieces(const std::filesystem::path& base, std::int64_t length);

    [[nodiscard]] static bool exists(const std::filesystem::path& base);

    void write(std::int64_t offset, std::string_view bytes);
    [[nodiscard]] std::int64_t length() const { return length_; }
    [[nodiscard]] std::int64_t received() const { return intervals_.covered(); }
    [[nodiscard]] bool complete() const { return received() == length_; }
    [[nodiscard]] File& data() { return data_; }
    /// Removes both files, those that are still there.
    static void remove(const std::filesystem::path& base) noexcept;

    std::mutex mutex;  ///< held while one piece is written
    /// Set once the whole has been stored: `data` is the artifact then and must not be written.
    std::optional<ArtifactDigests> stored;

private:
    void append(std::int64_t first, std::int64_t second);

    File data_;
    File map_;
    std::int64_t map_size_ = 0;
    std::int64_t length_ = 0;
    Intervals intervals_;
};

}  // namespace updraft::artifacts
