#include "client/url.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace updraft::client {

std::optional<Url> parse_url(std::string_view url) {
    const auto parsed = boost::urls::parse_uri(boost::urls::string_view(url.data(), url.size()));
    if (!parsed) {
        return std::nullopt;
    }
    Url result;
    result.tls = parsed->scheme_id() == boost::urls::scheme::https;
    if (!result.tls && parsed->scheme_id() != boost::urls::scheme::http) {
        return std::nullopt;
    }
    const auto host = parsed->host_address();
    result.endpoint.host = std::string(host.data(), host.size());
    const std::uint16_t usual = result.tls ? 443 : 80;
    result.endpoint.port = parsed->has_port() ? parsed->port_number() : usual;
    const auto authority = parsed->encoded_host_and_port();
    result.authority = std::string(authority.data(), authority.size());
    const auto target = parsed->encoded_target();
    result.target = target.empty() ? "/" : std::string(target.data(), target.size());
    if (result.endpoint.host.empty() || result.endpoint.port == 0) {
        return std::nullopt;
    }
    return result;
}

}  // namespace updraft::client
