#include "storage/artifacts/artifact_folder.hpp"

#include <filesystem>
#include <system_error>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"

namespace updraft {
namespace {

constexpr std::size_t sha256_digits = 64;
constexpr std::size_t prefix_digits = 2;

bool is_sha256(const std::string& text) {
    return is_hex(text, sha256_digits) && to_lower(text) == text;
}

/// The folder with all its parents, as an absolute path: the process may change its own folder.
std::string made_folder(const std::string& folder) {
    std::error_code error;
    const std::filesystem::path path = std::filesystem::absolute(folder, error);
    if (!error) {
        std::filesystem::create_directories(path, error);
    }
    if (error) {
        throw_storage_error("cannot make the folder", folder, error.value());
    }
    return path.string();
}

}  // namespace

ArtifactFolder::ArtifactFolder(const std::string& folder) {
    const std::string parent = made_folder(folder);
    artifacts_ = parent + "/artifacts";
    uploads_ = parent + "/uploads";
    for (const std::string& child : {artifacts_, uploads_}) {
        make_folder(child);
        sync_folder(child);
    }
    sync_folder(parent);
}

ArtifactFolder::Place ArtifactFolder::place_of(const std::string& sha256) const {
    const std::string folder = artifacts_ + "/" + sha256.substr(0, prefix_digits);
    return {folder, folder + "/" + sha256};
}

void ArtifactFolder::keep(const OpenFile& upload, const ArtifactDigests& digests) const {
    UPDRAFT_ASSERT(is_sha256(digests.sha256));
    const Place place = place_of(digests.sha256);
    const std::optional<FileFacts> existing = facts_of(place.path);
    const bool whole = existing && existing->size_bytes == digests.size_bytes;
    if (whole && touch_file(place.path)) {
        remove_file(upload.path());
    } else {
        if (existing && !whole) {
            log::warn("artifacts", "damaged artifact replaced sha256={} size={} expected={}",
                      digests.sha256, existing->size_bytes, digests.size_bytes);
        }
        upload.sync();
        make_folder(place.folder);
        rename_file(upload.path(), place.path);
    }
    // Also for an artifact that was there: whoever renamed it may not have come this far yet.
    sync_folder(place.folder);
    sync_folder(artifacts_);
}

std::optional<std::string> ArtifactFolder::find(const std::string& sha256) const {
    if (!is_sha256(sha256)) {
        return std::nullopt;
    }
    std::string path = place_of(sha256).path;
    if (!facts_of(path)) {
        return std::nullopt;
    }
    return path;
}

void ArtifactFolder::remove(const std::string& sha256) const {
    if (!is_sha256(sha256)) {
        return;
    }
    const Place place = place_of(sha256);
    if (remove_file(place.path)) {
        sync_folder(place.folder);
    }
}

void ArtifactFolder::each(const std::function<bool(const std::string&, Instant)>& use) const {
    for (const std::string& prefix : names_in(artifacts_)) {
        if (!is_hex(prefix, prefix_digits)) {
            continue;
        }
        for (const std::string& name : names_in(artifacts_ + "/" + prefix)) {
            if (!is_sha256(name) || !name.starts_with(prefix)) {
                continue;
            }
            const auto facts = facts_of(place_of(name).path);
            if (facts && !use(name, from_millis(facts->changed_at_ms))) {
                return;
            }
        }
    }
}

}  // namespace updraft
