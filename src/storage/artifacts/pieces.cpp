#include "storage/artifacts/pieces.hpp"

#include <algorithm>
#include <array>

namespace updraft::artifacts {
namespace {

constexpr std::int64_t entry_bytes = 16;

std::filesystem::path with(const std::filesystem::path& base, std::string_view suffix) {
    return base.string() + std::string(suffix);
}

std::int64_t number_at(const std::array<char, entry_bytes>& entry, std::size_t at) {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        number = number << 8U | static_cast<std::uint8_t>(entry[at + i]);
    }
    return static_cast<std::int64_t>(number);
}

void put_number(std::array<char, entry_bytes>& entry, std::size_t at, std::int64_t value) {
    auto number = static_cast<std::uint64_t>(value);
    for (std::size_t i = 8; i-- > 0; number >>= 8U) {
        entry[at + i] = static_cast<char>(number & 0xFFU);
    }
}

}  // namespace

void Intervals::add(std::int64_t from, std::int64_t to) {
    if (from >= to) {
        return;
    }
    auto next = to_by_from_.upper_bound(from);
    if (next != to_by_from_.begin() && std::prev(next)->second >= from) {
        --next;
        from = next->first;
    }
    while (next != to_by_from_.end() && next->first <= to) {
        to = std::max(to, next->second);
        next = to_by_from_.erase(next);
    }
    to_by_from_.emplace(from, to);
}

std::int64_t Intervals::covered() const {
    std::int64_t sum = 0;
    for (const auto& [from, to] : to_by_from_) {
        sum += to - from;
    }
    return sum;
}

Pieces::Pieces(const std::filesystem::path& base, std::int64_t length)
    : data_(with(base, ".data"), File::Mode::open_or_create),
      map_(with(base, ".map"), File::Mode::open_or_create) {
    std::array<char, entry_bytes> entry{};
    while (map_.read_at(map_size_, entry) == entry.size()) {
        if (map_size_ == 0) {
            length_ = number_at(entry, 0);
        } else {
            const std::int64_t offset = number_at(entry, 0);
            intervals_.add(offset, offset + number_at(entry, 8));
        }
        map_size_ += entry_bytes;
    }
    if (map_size_ == 0) {
        length_ = length;
        append(length, 0);
    }
}

bool Pieces::exists(const std::filesystem::path& base) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(with(base, ".map"), ignored);
    return !ignored && size >= entry_bytes;
}

void Pieces::write(std::int64_t offset, std::string_view bytes) {
    data_.write_at(offset, bytes);
    data_.sync();
    append(offset, static_cast<std::int64_t>(bytes.size()));
    intervals_.add(offset, offset + static_cast<std::int64_t>(bytes.size()));
}

void Pieces::append(std::int64_t first, std::int64_t second) {
    std::array<char, entry_bytes> entry{};
    put_number(entry, 0, first);
    put_number(entry, 8, second);
    map_.write_at(map_size_, std::string_view(entry.data(), entry.size()));
    map_.sync();
    map_size_ += entry_bytes;
}

void Pieces::remove(const std::filesystem::path& base) noexcept {
    std::error_code ignored;
    std::filesystem::remove(with(base, ".map"), ignored);
    std::filesystem::remove(with(base, ".data"), ignored);
}

}  // namespace updraft::artifacts
