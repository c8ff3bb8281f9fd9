#include "domain/form_rules.hpp"

#include "base/assert.hpp"
#include "base/bytes.hpp"

namespace updraft {

void FormRules::require_text(std::string_view value, std::string_view property, const Text& missing,
                             std::size_t characters_max) {
    if (require(!value.empty(), property, missing)) {
        limit_text(value, property, characters_max);
    }
}

void FormRules::limit_text(std::string_view value, std::string_view property,
                           std::size_t characters_max) {
    require(code_points(value) <= characters_max, property,
            text("最多可输入{}个字符", "at most {} characters are allowed", characters_max));
}

Error FormRules::refusal() && {
    UPDRAFT_ASSERT(!broken_.empty());
    Error error = Error::of(ErrorCode::invalid_argument, broken_.front().message);
    error.fields = std::move(broken_);
    return error;
}

}  // namespace updraft
