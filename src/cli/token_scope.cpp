#include "cli/token_scope.hpp"

#include <array>
#include <boost/json.hpp>
#include <charconv>

namespace updraft::cli {

Result<json::array> parse_scopes(const std::vector<std::string>& scopes) {
    json::array parsed;
    for (const std::string& scope : scopes) {
        const std::size_t colon = scope.find(':');
        if (colon == 0 || colon == std::string::npos || colon + 1 == scope.size()) {
            return Error::invalid(
                "scopes", text("\"{}\" 应为 资源:动作,动作, 例如 firmware-manager:query,save",
                               "\"{}\" has to be RESOURCE:ACTION,ACTION, like "
                               "firmware-manager:query,save",
                               scope));
        }
        json::array actions;
        std::string rest = scope.substr(colon + 1) + ",";
        for (auto comma = rest.find(','); comma != std::string::npos; comma = rest.find(',')) {
            if (comma > 0) {
                actions.emplace_back(rest.substr(0, comma));
            }
            rest.erase(0, comma + 1);
        }
        parsed.push_back(
            json::object{{"id", scope.substr(0, colon)}, {"actions", std::move(actions)}});
    }
    return parsed;
}

Result<std::int64_t> parse_lifetime(std::string_view lifetime) {
    constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> units{
        {{"d", 86'400}, {"h", 3'600}, {"min", 60}, {"s", 1}}};
    constexpr std::int64_t number_max = 1'000'000'000;
    std::int64_t number = 0;
    const char* const end_of_text = lifetime.data() + lifetime.size();
    const auto [end, error] = std::from_chars(lifetime.data(), end_of_text, number);
    const std::string_view unit(end, static_cast<std::size_t>(end_of_text - end));
    for (const auto& [name, seconds] : units) {
        if (error == std::errc{} && unit == name && number > 0 && number <= number_max) {
            return number * seconds;
        }
    }
    return Error::invalid("expiresInSeconds",
                          text("\"{}\" 不是时长; 例如 90d, 12h, 30min",
                               "\"{}\" is no time; say 90d, 12h or 30min", lifetime));
}

}  // namespace updraft::cli
