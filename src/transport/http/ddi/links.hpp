#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "transport/http/ddi/routes.hpp"
#include "transport/http/message.hpp"

namespace updraft::http::ddi {

/// The absolute addresses that a client is told (hawkbit-ddi 1): it follows them verbatim.
class Links {
public:
    /// From the configured address, else from what the request says of itself; a proxy's
    /// X-Forwarded-Proto and X-Forwarded-Host count if it is trusted. Errors: malformed when there
    /// is no usable Host.
    [[nodiscard]] static Result<Links> of(const Request& request, const Options& options,
                                          bool trusted_proxy);

    [[nodiscard]] std::string resource(std::string_view name) const;
    [[nodiscard]] std::string action(std::string_view name, std::int64_t number) const;

    /// Below a module, over either scheme; empty where none is offered.
    struct File {
        std::string https;
        std::string http;
    };
    [[nodiscard]] File file(std::int64_t module, std::string_view filename) const;

private:
    std::string base_;   ///< of the device, without a slash at its end
    std::string https_;  ///< the same for its downloads; empty: not over https
    std::string http_;
};

}  // namespace updraft::http::ddi
