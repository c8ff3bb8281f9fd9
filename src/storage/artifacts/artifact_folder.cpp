#include "storage/artifacts/artifact_folder.hpp"

#include <algorithm>
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
    damaged_ = parent + "/damaged";
    for (const std::string& child : {artifacts_, uploads_, damaged_}) {
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
    upload.sync();
    make_folder(place.folder);
    rename_file(upload.path(), place.path);
    settle(place, digests.sha256);
}

void ArtifactFolder::keep_linked(const OpenFile& upload, const std::string& link,
                                 const ArtifactDigests& digests) const {
    UPDRAFT_ASSERT(is_sha256(digests.sha256));
    const Place place = place_of(digests.sha256);
    upload.sync();
    make_folder(place.folder);
    remove_file(link);  // what a crash has left
    if (link_file(upload.path(), link)) {
        rename_file(link, place.path);
        remove_file(link);  // still there if the artifact was this file already
    } else {
        rename_file(upload.path(), place.path);
    }
    settle(place, digests.sha256);
}

void ArtifactFolder::settle(const Place& place, const std::string& sha256) const {
    if (remove_file(damaged_path_of(sha256))) {
        log::info("artifacts", "damaged artifact healed by an upload sha256={}", sha256);
        sync_folder(damaged_);
    }
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
    if (remove_file(damaged_path_of(sha256))) {
        sync_folder(damaged_);
    }
}

std::vector<std::string> ArtifactFolder::list(const std::string& prefix) const {
    std::vector<std::string> names = names_in(artifacts_ + "/" + prefix);
    std::erase_if(names, [&](const std::string& name) {
        return !is_sha256(name) || !name.starts_with(prefix);
    });
    std::ranges::sort(names);
    return names;
}

std::optional<OpenFile> ArtifactFolder::open_on_disk(const std::string& sha256) const {
    const std::optional<std::string> path = find(sha256);
    if (!path) {
        return std::nullopt;
    }
    return open_past_cache(*path);
}

bool ArtifactFolder::set_aside(OpenFile& file, const std::string& sha256) const {
    const Place place = place_of(sha256);
    if (!file.is_at_its_path()) {
        return false;
    }
    file.move_to(damaged_path_of(sha256));
    const bool was_it = file.is_at_its_path();
    if (!was_it) {  // replaced by an upload in this very moment
        rename_file(damaged_path_of(sha256), place.path);
    }
    sync_folder(damaged_);
    sync_folder(place.folder);
    return was_it;
}

std::vector<std::string> ArtifactFolder::damaged() const {
    std::vector<std::string> names = names_in(damaged_);
    std::erase_if(names, [&](const std::string& name) { return !is_sha256(name) || find(name); });
    std::ranges::sort(names);
    return names;
}

std::string ArtifactFolder::damaged_path_of(const std::string& sha256) const {
    return damaged_ + "/" + sha256;
}

void ArtifactFolder::put_back(const std::string& sha256) const {
    const Place place = place_of(sha256);
    make_folder(place.folder);
    rename_file(damaged_path_of(sha256), place.path);
    sync_folder(place.folder);
    sync_folder(artifacts_);
    sync_folder(damaged_);
}

void ArtifactFolder::each(const std::function<bool(const std::string&, Instant)>& use) const {
    for (const std::string& prefix : names_in(artifacts_)) {
        if (!is_hex(prefix, prefix_digits)) {
            continue;
        }
        for (const std::string& name : list(prefix)) {
            const auto facts = facts_of(place_of(name).path);
            if (facts && !use(name, from_millis(facts->changed_at_ms))) {
                return;
            }
        }
    }
    for (const std::string& name : damaged()) {
        const auto facts = facts_of(damaged_path_of(name));
        if (facts && !use(name, from_millis(facts->changed_at_ms))) {
            return;
        }
    }
}

}  // namespace updraft
