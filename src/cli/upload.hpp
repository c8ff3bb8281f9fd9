#pragma once

#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <string>

#include "cli/terminal.hpp"
#include "client/http_client.hpp"

namespace updraft::cli {

/// A file on this machine, read once.
struct LocalFile {
    std::string path;
    std::string name;  ///< without folders
    std::uint64_t size_bytes = 0;
    std::string md5;
    std::string sha256;
};

/// Reads the file and computes both digests in one pass, with a progress bar. Errors: not_found,
/// invalid_argument (empty, or no plain file).
[[nodiscard]] Result<LocalFile> measure(const Terminal& terminal, const std::string& path);

struct UploadOptions {
    /// How long a server that does not answer is waited for before the upload gives up; what is
    /// there already stays for the next try.
    std::chrono::seconds patience{600};
};

/// Uploads the file in pieces and returns what the server says about it (FileInfo). The upload's
/// session is named by the file's content: after a lost connection, and in another run, it goes on
/// where the server's bytes end. Errors: unavailable (patience is over), conflict (the server's
/// file is not the local one), and what the server refuses.
[[nodiscard]] Result<json::value> upload(const Terminal& terminal, client::RestClient& api,
                                         const LocalFile& file, const UploadOptions& options);

/// Bytes of the next piece: pieces grow while they take less than half a second and shrink when
/// they take more than two, between 256 KiB and 8 MiB.
[[nodiscard]] std::uint64_t next_piece_bytes(std::uint64_t last_bytes,
                                             std::chrono::milliseconds took);

/// How fast it goes, and how long it still takes: "12.3 MiB/s  remaining 3 min 20 s". Measured over
/// the bytes of this run only.
[[nodiscard]] Text speed_text(std::uint64_t moved_bytes, std::uint64_t left_bytes,
                              std::chrono::milliseconds took);

}  // namespace updraft::cli
