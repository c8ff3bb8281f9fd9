#include "app/crud_rows.hpp"

#include <algorithm>

#include "base/cut_text.hpp"

namespace updraft {
namespace {

constexpr std::size_t id_characters_max = 64;

bool is_id_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
}

}  // namespace

Error at_row(Error error, std::size_t index, std::size_t rows) {
    if (rows < 2) {
        return error;
    }
    error.message = text("第{0}条: {1}", "row {0}: {2}", index, error.message.zh, error.message.en);
    for (FieldError& field : error.fields) {
        field.property = fmt::format("[{}].{}", index, field.property);
    }
    return error;
}

Result<void> checked_id(std::string_view id) {
    if (id.empty() || id.size() > id_characters_max || !std::ranges::all_of(id, is_id_character)) {
        return Error::invalid(
            "id", text("ID [{}] 只能由数字、字母、下划线、中划线组成, 且长度为1~{}位",
                       "id [{}] must be 1 to {} letters, digits, underscores or hyphens",
                       cut(id, 2 * id_characters_max), id_characters_max));
    }
    return {};
}

}  // namespace updraft
