#include "app/freshness.hpp"

#include <cstdlib>
#include <new>

namespace updraft {

void Freshness::Free::operator()(std::atomic<Stamp>* memory) const {
    std::free(memory);
}

/// Zeroes that the system has not given yet are numbers as good as any.
Freshness::Freshness() {
    static_assert(std::atomic<Stamp>::is_always_lock_free &&
                  sizeof(std::atomic<Stamp>) == sizeof(Stamp));
    auto* memory = static_cast<std::atomic<Stamp>*>(std::calloc(places, sizeof(Stamp)));
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    changes_.reset(memory);
}

std::size_t Freshness::place_of(std::string_view id, char kind) {
    const std::size_t hash = std::hash<std::string_view>{}(id);
    return (hash ^ static_cast<std::size_t>(kind)) % places;
}

void Freshness::changed(const Written& written) {
    if (written.everything_) {
        everything_.fetch_add(1, std::memory_order_release);
    }
    for (const std::size_t place : written.places_) {
        changes_[place].fetch_add(1, std::memory_order_release);
    }
}

}  // namespace updraft
