#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace updraft::jetlinks {

/// The members of one JSON object, with the lenient reading of spec 4.1: numeric strings are
/// numbers, numbers are strings (with the digits as they came: version 1.10 stays "1.10"), "true"
/// is a boolean. Members of the objects `headers` and `properties` are members too, named
/// `headers.force` and so on. Of a repeated member the last one counts. NUL characters are taken
/// out: no store holds them.
class JsonMembers {
public:
    /// What kind of value the text of a member was.
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
    struct Member {
        std::string name;
        Kind kind = Kind::null;
        std::string text;  ///< of an array or object: its JSON, kept only below `properties`

        [[nodiscard]] bool is_composite() const {
            return kind == Kind::array || kind == Kind::object;
        }
    };

    /// The members of the object in `json`; no members for text that is empty or only spaces.
    /// Nothing if it is no well-formed JSON object, or nested deeper than 32.
    [[nodiscard]] static std::optional<JsonMembers> parse(std::string_view json);

    /// The member as text; empty if it is absent, null, an array or an object.
    [[nodiscard]] std::string text(std::string_view name) const;
    /// The member as a number, cut towards zero; nothing if it is absent or none.
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const;
    /// The member as a boolean (true, "true", "TRUE", 1, "1" and their opposites); else nothing.
    [[nodiscard]] std::optional<bool> boolean(std::string_view name) const;
    /// What the member is; nothing if it is absent.
    [[nodiscard]] std::optional<Kind> kind(std::string_view name) const;
    [[nodiscard]] const std::vector<Member>& all() const { return members_; }

private:
    friend struct MembersHandler;
    [[nodiscard]] const Member* find(std::string_view name) const;

    std::vector<Member> members_;
};

}  // namespace updraft::jetlinks
