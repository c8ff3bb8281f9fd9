#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string_view>
#include <type_traits>

#include "app/freshness.hpp"

namespace updraft {

/// A question, as a digest that nobody can forge: keyed with bytes that this process drew at its
/// start, so that it may stand for a secret.
struct Fingerprint {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

/// Of the parts in this order, each taken whole: {"ab", "c"} is another question than {"a", "bc"}.
[[nodiscard]] Fingerprint fingerprint_of(std::initializer_list<std::string_view> parts);

/// Answers to questions, each good for as long as its stamp is (app/freshness.hpp). Holds a bounded
/// number of them: a newer one takes the place of some older one. Memory is taken when it is used.
/// Safe from every thread; waits for nothing but other callers' few instructions.
template <class Answer>
class Remembered {
    static_assert(std::is_trivially_copyable_v<Answer> && std::is_trivially_destructible_v<Answer>);

public:
    /// Room for about `answers_max`; 0: remembers nothing.
    explicit Remembered(std::size_t answers_max)
        : sets_((answers_max + ways - 1) / ways),
          entries_(sets_ == 0 ? nullptr
                              : static_cast<Entry*>(std::calloc(sets_ * ways, sizeof(Entry)))) {
        if (sets_ > 0 && !entries_) {
            throw std::bad_alloc();
        }
    }

    /// What was kept under `question` with this very `stamp`.
    [[nodiscard]] std::optional<Answer> find(const Fingerprint& question,
                                             Freshness::Stamp stamp) const {
        if (sets_ == 0 || question == Fingerprint{}) {
            return std::nullopt;
        }
        const std::size_t set = set_of(question);
        const std::lock_guard lock(lock_of(set));
        for (std::size_t way = 0; way < ways; ++way) {
            const Entry& entry = entries_.get()[set * ways + way];
            if (entry.question == question) {
                return entry.stamp == stamp ? std::optional(entry.answer) : std::nullopt;
            }
        }
        return std::nullopt;
    }

    /// `stamp` was taken before `answer` was read from the store.
    void keep(const Fingerprint& question, Freshness::Stamp stamp, const Answer& answer) {
        if (sets_ == 0 || question == Fingerprint{}) {
            return;
        }
        const std::size_t set = set_of(question);
        const std::lock_guard lock(lock_of(set));
        Entry* place = nullptr;
        for (std::size_t way = 0; way < ways; ++way) {
            Entry& entry = entries_.get()[set * ways + way];
            if (entry.question == question) {
                place = &entry;
                break;
            }
            if (place == nullptr && entry.question == Fingerprint{}) {
                place = &entry;
            }
        }
        if (place == nullptr) {
            place = &entries_.get()[set * ways + question.low % ways];
        }
        *place = Entry{question, stamp, answer};
    }

private:
    struct Entry {
        Fingerprint question;  ///< zeroes: none
        Freshness::Stamp stamp;
        Answer answer;
    };
    struct Free {
        void operator()(Entry* memory) const { std::free(memory); }
    };
    static constexpr std::size_t ways = 4;
    static constexpr std::size_t locks = 64;

    [[nodiscard]] std::size_t set_of(const Fingerprint& question) const {
        return static_cast<std::size_t>(question.high % sets_);
    }
    [[nodiscard]] std::mutex& lock_of(std::size_t set) const { return mutexes_[set % locks]; }

    const std::size_t sets_;
    mutable std::array<std::mutex, locks> mutexes_;
    std::unique_ptr<Entry, Free> entries_;
};

}  // namespace updraft
