#include "app/missing_digests.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>

#include "base/bytes.hpp"
#include "base/log.hpp"

namespace updraft {

struct MissingDigests::Reading {
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };

    Reading(StoredFile of, const std::string& path)
        : file(std::move(of)), bytes(path, std::ios::binary), sha1(EVP_MD_CTX_new()) {
        if (EVP_DigestInit_ex(sha1.get(), EVP_sha1(), nullptr) != 1) {
            throw std::runtime_error("OpenSSL offers no SHA-1");
        }
    }
    /// True when the end is reached.
    bool read(std::size_t most) {
        std::string piece(most, '\0');
        bytes.read(piece.data(), static_cast<std::streamsize>(most));
        const auto got = static_cast<std::size_t>(bytes.gcount());
        EVP_DigestUpdate(sha1.get(), piece.data(), got);
        done_bytes += static_cast<std::int64_t>(got);
        return got < most;
    }
    [[nodiscard]] std::string digest() {
        std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
        unsigned size = 0;
        EVP_DigestFinal_ex(sha1.get(), hash.data(), &size);
        return to_hex(std::span(hash.data(), size));
    }

    StoredFile file;
    std::ifstream bytes;
    std::unique_ptr<EVP_MD_CTX, Free> sha1;
    std::int64_t done_bytes = 0;
};

/// A step that reads nothing would never reach the end.
static MissingDigests::Options bounded(MissingDigests::Options options) {
    options.step_bytes = std::max(options.step_bytes, std::size_t{4'096});
    return options;
}

MissingDigests::MissingDigests(Store& store, const ArtifactStore& artifacts, Options options)
    : store_(store), artifacts_(artifacts), options_(bounded(options)) {}

MissingDigests::~MissingDigests() = default;

bool MissingDigests::step() {
    if (!reading_ && !begin()) {
        return false;
    }
    if (reading_ && reading_->read(options_.step_bytes)) {
        finish();
    }
    return true;
}

/// Opens the next file; false when there is none.
bool MissingDigests::begin() {
    const auto files = store_.read([&](const Repositories& rows) {
        return rows.files().without_sha1(unreadable_.size() + 1);
    });
    for (const StoredFile& file : files) {
        if (unreadable_.contains(file.id)) {
            continue;
        }
        const std::optional<std::string> path = artifacts_.path_of(file.sha256);
        reading_ = std::make_unique<Reading>(file, path.value_or(""));
        if (!path || !reading_->bytes) {
            give_up("its bytes are missing");
        }
        return unreadable_.size() < options_.unreadable_max;
    }
    return false;
}

void MissingDigests::finish() {
    if (reading_->done_bytes != reading_->file.size_bytes) {
        give_up("its bytes are cut");
        return;
    }
    // Let go of before the store may throw: a digest is finished once, then the file is read anew.
    const std::unique_ptr<Reading> done = std::move(reading_);
    const std::string sha1 = done->digest();
    (void)store_.write([&](UnitOfWork& work) -> Result<void> {
        std::optional<StoredFile> file = work.files().find(done->file.id);
        if (file && file->sha256 == done->file.sha256) {  // neither gone nor replaced
            file->sha1 = sha1;
            work.files().update(*file);
        }
        return {};
    });
}

void MissingDigests::give_up(const char* reason) {
    log::warn("files", "no SHA-1 for a file file={} reason=\"{}\"", reading_->file.id, reason);
    unreadable_.insert(reading_->file.id);
    reading_.reset();
}

}  // namespace updraft
