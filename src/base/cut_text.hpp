#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace updraft {

/// The start of UTF-8 text: at most `bytes_max` bytes, not ending inside a character.
[[nodiscard]] inline std::string_view cut(std::string_view text, std::size_t bytes_max) {
    std::size_t end = std::min(text.size(), bytes_max);
    const auto continues = [&](std::size_t at) {
        return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
    };
    while (end > 0 && end < text.size() && continues(end)) {
        --end;
    }
    return text.substr(0, end);
}

}  // namespace updraft
