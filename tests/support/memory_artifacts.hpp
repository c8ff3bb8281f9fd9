#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "app/ports.hpp"
#include "base/bytes.hpp"

namespace updraft {

/// Artifacts in memory, for tests without a disk. Digests are real; `bytes_max` is a disk that
/// fills.
class MemoryArtifacts final : public ArtifactStore {
public:
    [[nodiscard]] std::unique_ptr<ArtifactWriter> begin() override {
        return std::make_unique<Writer>(*this);
    }
    [[nodiscard]] Result<std::optional<ArtifactDigests>> write_piece(
        const std::string& session, std::int64_t offset, std::int64_t length,
        std::string_view bytes) override {
        const std::scoped_lock lock(mutex_);
        Pieces& pieces = sessions_[session];
        pieces.length = length;
        pieces.bytes.resize(static_cast<std::size_t>(length));
        if (offset < 0 || offset + static_cast<std::int64_t>(bytes.size()) > length) {
            return Error::invalid("offset", text("超出范围", "out of range"));
        }
        pieces.bytes.replace(static_cast<std::size_t>(offset), bytes.size(), bytes);
        pieces.received += static_cast<std::int64_t>(bytes.size());
        if (offset <= pieces.next) {
            pieces.next = std::max(pieces.next, offset + static_cast<std::int64_t>(bytes.size()));
        }
        if (pieces.received < length) {
            return std::optional<ArtifactDigests>{};
        }
        ArtifactDigests digests = digests_of(pieces.bytes);
        keep(digests.sha256, pieces.bytes);
        return std::optional(std::move(digests));
    }
    void forget_partial(const std::string& session) override {
        const std::scoped_lock lock(mutex_);
        sessions_.erase(session);
    }
    [[nodiscard]] std::optional<PartialUpload> partial(const std::string& session) const override {
        const std::scoped_lock lock(mutex_);
        const auto found = sessions_.find(session);
        if (found == sessions_.end()) {
            return std::nullopt;
        }
        const Pieces& pieces = found->second;
        return PartialUpload{session, pieces.length, pieces.received, pieces.next};
    }
    [[nodiscard]] std::optional<std::string> path_of(const std::string& sha256) const override {
        const std::scoped_lock lock(mutex_);
        return stored_.contains(sha256) ? std::optional("/memory/" + sha256) : std::nullopt;
    }
    void remove(const std::string& sha256) override {
        const std::scoped_lock lock(mutex_);
        stored_.erase(sha256);
        uploaded_at_.erase(sha256);
    }
    void each(const std::function<bool(const std::string&, Instant)>& use) const override {
        const auto all = [&] {
            const std::scoped_lock lock(mutex_);
            return uploaded_at_;
        }();
        for (const auto& [sha256, at] : all) {
            if (!use(sha256, at)) {
                return;
            }
        }
    }
    void remove_abandoned(Instant) override {}

    [[nodiscard]] std::size_t count() const {
        const std::scoped_lock lock(mutex_);
        return stored_.size();
    }
    [[nodiscard]] static ArtifactDigests digests_of(std::string_view bytes) {
        return {static_cast<std::int64_t>(bytes.size()), hex(EVP_md5(), bytes),
                hex(EVP_sha256(), bytes), hex(EVP_sha1(), bytes)};
    }

    std::size_t bytes_max = SIZE_MAX;  ///< of one file
    Instant now;                       ///< when the next artifacts are uploaded

private:
    struct Pieces {
        std::int64_t length = 0;
        std::int64_t received = 0;
        std::int64_t next = 0;
        std::string bytes;
    };
    class Writer final : public ArtifactWriter {
    public:
        explicit Writer(MemoryArtifacts& artifacts) : artifacts_(artifacts) {}
        void write(std::string_view bytes) override {
            if (bytes_.size() + bytes.size() > artifacts_.bytes_max) {
                throw StorageError(StorageError::Cause::disk_full, "no room");
            }
            bytes_ += bytes;
        }
        [[nodiscard]] ArtifactDigests finish() override {
            ArtifactDigests digests = digests_of(bytes_);
            const std::scoped_lock lock(artifacts_.mutex_);
            artifacts_.keep(digests.sha256, bytes_);
            return digests;
        }

    private:
        MemoryArtifacts& artifacts_;
        std::string bytes_;
    };

    static std::string hex(const EVP_MD* method, std::string_view bytes) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int length = 0;
        EVP_Digest(bytes.data(), bytes.size(), digest, &length, method, nullptr);
        return to_hex(std::span(digest, length));
    }

    void keep(const std::string& sha256, const std::string& bytes) {
        stored_[sha256] = bytes;
        uploaded_at_[sha256] = now;
    }

    mutable std::mutex mutex_;
    std::map<std::string, std::string> stored_;
    std::map<std::string, Instant> uploaded_at_;
    std::map<std::string, Pieces> sessions_;
};

}  // namespace updraft
