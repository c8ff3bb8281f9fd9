#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace updraft {

/// Gathers the broken rules of a form in the order of its rows: the first one is the message that a
/// person sees, all of them go into `fields` (spec 2.1, "validation").
class FormRules {
public:
    /// Notes that `property` breaks a rule unless `holds`; says whether it holds.
    bool require(bool holds, std::string_view property, const Text& message) {
        if (!holds) {
            broken_.push_back({std::string(property), message});
        }
        return holds;
    }

    /// A required text of at most `characters_max` characters; `missing` is said when it is empty.
    void require_text(std::string_view value, std::string_view property, const Text& missing,
                      std::size_t characters_max);

    /// A text that may be empty, of at most `characters_max` characters.
    void limit_text(std::string_view value, std::string_view property, std::size_t characters_max);

    [[nodiscard]] bool all_hold() const { return broken_.empty(); }

    /// The refusal; only when a rule is broken.
    [[nodiscard]] Error refusal() &&;

private:
    std::vector<FieldError> broken_;
};

}  // namespace updraft
