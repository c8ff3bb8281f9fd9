#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/id.hpp"

namespace updraft {

/// Tells whoever remembers something of the store whether it may have changed since: of a device
/// (its row, its records, actions and credentials) or of a file (its row). What decides about many
/// at once, such as a product or a firmware, counts as a change of everything.
///
/// Take a stamp, read the store, remember what it said with the stamp: it still holds while the
/// stamp is the same. The store tells of a change once it can be read and before whoever made it is
/// answered, so that a revoked credential ends with the answer to its revocation. Only for a store
/// that no other process writes to. Safe from every thread; never blocks.
class Freshness {
public:
    using Stamp = std::uint64_t;

    /// What one transaction has written.
    class Written {
    public:
        void note(const DeviceId& device) { places_.push_back(place_of(device)); }
        void note(const FileId& file) { places_.push_back(place_of(file)); }
        void note_everything() { everything_ = true; }
        void clear() {
            places_.clear();
            everything_ = false;
        }

    private:
        friend class Freshness;
        std::vector<std::size_t> places_;
        bool everything_ = false;
    };

    Freshness();

    [[nodiscard]] Stamp stamp(const DeviceId& device) const { return at(place_of(device)); }
    [[nodiscard]] Stamp stamp(const FileId& file) const { return at(place_of(file)); }

    void changed(const Written& written);

private:
    /// Several devices may share a place: then one's change makes the others' stamps older, too.
    static constexpr std::size_t places = std::size_t{1} << 19;

    static std::size_t place_of(const DeviceId& device) { return place_of(device.value, 'd'); }
    static std::size_t place_of(const FileId& file) { return place_of(file.value, 'f'); }
    static std::size_t place_of(std::string_view id, char kind);

    /// Both summands only grow, so that their sum is another one when either is.
    [[nodiscard]] Stamp at(std::size_t place) const {
        return everything_.load(std::memory_order_acquire) +
               changes_[place].load(std::memory_order_acquire);
    }

    struct Free {
        void operator()(std::atomic<Stamp>* memory) const;
    };
    std::atomic<Stamp> everything_{0};
    std::unique_ptr<std::atomic<Stamp>[], Free>
        changes_;  ///< memory that is not used costs nothing
};

}  // namespace updraft
