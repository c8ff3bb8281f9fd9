#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace updraft {

/// A language that a person can ask for with `Accept-Language`. Chinese is the default, as in JetLinks.
enum class Language : std::uint8_t { zh, en };

/// One sentence for people, in both languages that Updraft speaks.
struct Text {
    std::string zh;
    std::string en;

    [[nodiscard]] const std::string& in(Language language) const {
        return language == Language::en ? en : zh;
    }
    friend bool operator==(const Text&, const Text&) = default;
};

/// Formats both languages with the same arguments: `text("版本序号 {} 已存在", "version order {} is taken", 3)`.
template <class... Args>
[[nodiscard]] Text text(fmt::format_string<Args&...> zh, fmt::format_string<Args&...> en, Args&&... args) {
    return Text{fmt::format(zh, args...), fmt::format(en, args...)};
}

}  // namespace updraft
