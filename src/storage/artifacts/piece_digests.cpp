#include "storage/artifacts/piece_digests.hpp"

#include <algorithm>
#include <utility>

namespace updraft {

std::optional<RunningDigests> PieceDigests::take(const std::string& path,
                                                 const OpenFile::Version& version) {
    const std::scoped_lock lock(mutex_);
    const auto found = std::ranges::find(entries_, path, &Entry::path);
    if (found == entries_.end()) {
        return std::nullopt;
    }
    std::optional<RunningDigests> digests;
    if (found->version == version) {
        digests = std::move(found->digests);
    }
    entries_.erase(found);
    return digests;
}

void PieceDigests::keep(const std::string& path, const OpenFile::Version& version,
                        RunningDigests digests) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(entries_, [&](const Entry& entry) { return entry.path == path; });
    entries_.push_front({path, version, std::move(digests)});
    if (entries_.size() > entries_max) {
        entries_.pop_back();
    }
}

void PieceDigests::forget(const std::string& path) noexcept {
    const std::scoped_lock lock(mutex_);
    std::erase_if(entries_, [&](const Entry& entry) { return entry.path == path; });
}

}  // namespace updraft
