#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "transport/http/message.hpp"

namespace updraft::http::ddi {

/// Which peers are proxies of ours, whose word about the client behind them counts.
class TrustedProxies {
public:
    /// Addresses and networks ("10.0.0.7, 192.168.0.0/16, fd00::/8"), separated by commas. Throws
    /// std::runtime_error, naming one that is neither.
    explicit TrustedProxies(std::string_view list);
    ~TrustedProxies();

    /// `peer` is an address with its port.
    [[nodiscard]] bool include(std::string_view peer) const;

private:
    struct Networks;
    std::unique_ptr<Networks> networks_;
};

/// Whom our proxy saw: what it added itself stands last in X-Forwarded-For. A proxy that adds
/// nothing passes on whatever a client says; people read it, so that it must look like an address:
/// nothing otherwise. Only a trusted proxy's word counts.
[[nodiscard]] std::optional<std::string> forwarded_for(const Request& request);

}  // namespace updraft::http::ddi
